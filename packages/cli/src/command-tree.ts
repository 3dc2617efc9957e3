import type { Argument, Command, Option } from 'commander';

/** What a flag's value or an argument is, so that a shell can complete it. */
export type ValueKind =
  | { readonly kind: 'choice'; readonly choices: readonly string[] }
  | { readonly kind: 'file' }
  | { readonly kind: 'cluster' }
  | { readonly kind: 'other' };

export interface FlagDescription {
  /** As help shows it: `-o, --output <format>`. */
  readonly usage: string;
  /** `-o`, `--output` */
  readonly names: readonly string[];
  readonly description: string;
  /** A value follows as a word of its own; one that may be left out (`-p [password]`) counts as none. */
  readonly value: ValueKind | undefined;
}

export interface CommandDescription {
  readonly name: string;
  /** `sealos etcd backup` */
  readonly path: string;
  readonly aliases: readonly string[];
  /** `<image...>`, without flags. */
  readonly usage: string;
  readonly summary: string;
  readonly description: string;
  readonly arguments: readonly { readonly name: string; readonly description: string; readonly value: ValueKind }[];
  readonly flags: readonly FlagDescription[];
  readonly commands: readonly CommandDescription[];
}

/** A name of an image or a host is nothing that a shell knows; a file's is by its placeholder. */
function kindOf(name: string, choices: readonly string[] | undefined): ValueKind {
  if (choices) return { kind: 'choice', choices };
  return /file|dir|path|source|archive|context/i.test(name) ? { kind: 'file' } : { kind: 'other' };
}

function describeFlag(option: Option): FlagDescription {
  const placeholder = /<([^>]+)>/.exec(option.flags)?.[1];
  const known: ValueKind | undefined = option.long === '--cluster' ? { kind: 'cluster' } : undefined;
  const isLocal = !/on the hosts/.test(option.description) || /file/.test(placeholder ?? '');
  return {
    usage: option.flags,
    names: [option.short, option.long].filter((name) => name !== undefined),
    description: option.description,
    value: placeholder === undefined ? undefined : (known ?? (isLocal ? kindOf(placeholder, option.argChoices) : { kind: 'other' })),
  };
}

function describeArgument(argument: Argument): CommandDescription['arguments'][number] {
  const name = argument.name();
  return { name, description: argument.description, value: kindOf(name, argument.argChoices) };
}

/** A command, with all below it, as data: what its completions and its manual are written from. Hidden flags and commands are left out. */
export function describeCommand(command: Command, parent = ''): CommandDescription {
  const help = command.createHelp();
  const path = `${parent} ${command.name()}`.trim();
  const commands = help.visibleCommands(command).filter((child) => child.name() !== 'help');
  return {
    name: command.name(),
    path,
    aliases: command.aliases(),
    usage: command.registeredArguments.map(placeholderOf).join(' '),
    summary: command.summary() || command.description(),
    description: command.description(),
    arguments: command.registeredArguments.map(describeArgument),
    flags: help.visibleOptions(command).map(describeFlag),
    commands: commands.map((child) => describeCommand(child, path)),
  };
}

function placeholderOf(argument: Argument): string {
  const name = `${argument.name()}${argument.variadic ? '...' : ''}`;
  return argument.required ? `<${name}>` : `[${name}]`;
}

/** A command and all below it, the outermost first. */
export function allCommands(command: CommandDescription): readonly CommandDescription[] {
  return [command, ...command.commands.flatMap(allCommands)];
}
