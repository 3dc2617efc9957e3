import { type Command, Option } from 'commander';

interface GlobalFlag {
  readonly flags: string;
  readonly description: string;
  /** The variable of the environment that says the same. */
  readonly variable?: string;
}

const shown: readonly GlobalFlag[] = [
  { flags: '--root <dir>', description: 'where the images of this machine are kept', variable: 'SEALOS_STORAGE' },
];

/** Those of other implementations and of buildah (sealos-interop.md §1.1). Without a variable: the store here has nothing of the kind. */
const hidden: readonly GlobalFlag[] = [
  { flags: '--sealos-root <dir>', description: 'what is known of clusters', variable: 'SEALOS_RUNTIME_ROOT' },
  { flags: '--cluster-root <dir>', description: 'where hosts keep what they are sent', variable: 'SEALOS_DATA_ROOT' },
  { flags: '--registries-conf <file>', description: 'settings of registries', variable: 'CONTAINERS_REGISTRIES_CONF' },
  ...['runroot', 'storage-driver', 'storage-opt', 'registries-conf-dir', 'short-name-alias-conf', 'cgroup-manager'].map(ignored),
  ...['userns-uid-map', 'userns-gid-map', 'log-level', 'cpu-profile', 'memory-profile', 'default-mounts-file'].map(ignored),
];

function ignored(name: string): GlobalFlag {
  return { flags: `--${name} <value>`, description: 'has no effect' };
}

const option = ({ flags, description }: GlobalFlag) => new Option(flags, description);
const longs = [...shown, ...hidden].map((flag) => option(flag).long);

/** Is this word a global flag whose value is the next word? */
export const takesNextWord = (word: string | undefined): boolean => word !== undefined && longs.includes(word);

export function addGlobalFlags(program: Command): Command {
  for (const flag of shown) program.addOption(option(flag));
  for (const flag of hidden) program.addOption(option(flag).hideHelp());
  return program;
}

/** They may also stand behind a command's name, unless it has a flag of that name itself. */
export function acceptGlobalFlags(command: Command): Command {
  for (const flag of [...shown, ...hidden]) {
    const one = option(flag).hideHelp();
    if (!command.options.some(({ long }) => long === one.long)) command.addOption(one);
  }
  for (const child of command.commands) acceptGlobalFlags(child);
  return command;
}

/** What they say becomes part of the environment, which is where everything below reads it. */
export function heedGlobalFlags(command: Command): void {
  for (let one: Command | null = command; one; one = one.parent) {
    for (const flag of [...shown, ...hidden]) {
      const value = one.options.some(({ flags }) => flags === flag.flags) ? one.opts()[option(flag).attributeName()] : undefined;
      if (flag.variable !== undefined && typeof value === 'string') process.env[flag.variable] = value;
    }
  }
}
