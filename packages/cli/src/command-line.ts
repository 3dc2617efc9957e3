import { Command } from 'commander';
import { type CommandEntry, commands } from './command-list.ts';
import { reportError } from './error-output.ts';
import { acceptFlagsOfOthers, heedFlagsOfOthers } from './flags-of-others.ts';
import { acceptGlobalFlags, addGlobalFlags, heedGlobalFlags, takesNextWord } from './global-flags.ts';
import { readGoFlags } from './go-flags.ts';
import { interrupted, listenForInterrupts } from './interrupt.ts';
import { version } from './product.ts';

/** The command that the arguments name: their first word that is neither a flag nor the value of a global one. */
function entryOf(argv: readonly string[]): CommandEntry | undefined {
  const word = argv.find((argument, index) => !argument.startsWith('-') && !takesNextWord(argv[index - 1]));
  return commands.find((entry) => entry.name === word || entry.aliases?.includes(word ?? ''));
}

/** A placeholder that only shows up in the help; the real command is loaded when it is called. */
function stub(entry: CommandEntry): Command {
  const command = new Command(entry.name).summary(entry.summary).description(entry.summary).helpGroup(`${entry.group}:`);
  return entry.aliases ? command.aliases([...entry.aliases]) : command;
}

/** Usage errors leave by an exception everywhere, so that the exit status is decided in one place. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride();
  command.configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'sealos: ')) });
  for (const child of command.commands) throwInsteadOfExit(child);
}

function emptyProgram(): Command {
  const program = new Command('sealos')
    .description('Turns Linux servers into a Kubernetes cluster with its applications, also where there is no internet.')
    .option('--debug', 'show where errors come from')
    .version(version, '-v, --version', 'show the version');
  return addGlobalFlags(program).enablePositionalOptions().addHelpText('after', "\nRun 'sealos COMMAND --help' for a command's own flags.");
}

const loaded = async (entry: CommandEntry): Promise<Command> => (await entry.load()).summary(entry.summary).helpGroup(`${entry.group}:`);

const visibility = ({ isHidden = false }: CommandEntry) => ({ hidden: isHidden });

/** The program with every command loaded, to be described and not run: its completions and its manual. */
export async function wholeProgram(): Promise<Command> {
  const program = emptyProgram();
  for (const entry of commands) program.addCommand(await loaded(entry), visibility(entry));
  return program;
}

/** The program with the one command that the words name, or where they name none with what the help shows of all; and the words as it reads them. */
export async function programFor(argv: readonly string[]): Promise<{ readonly program: Command; readonly words: readonly string[] }> {
  const program = emptyProgram();
  const wanted = entryOf(argv);
  let words = argv;
  if (wanted) {
    const command = acceptGlobalFlags(acceptFlagsOfOthers(await loaded(wanted)));
    program.addCommand(command);
    words = readGoFlags(program, argv);
  } else for (const entry of commands) program.addCommand(stub(entry), visibility(entry));
  program.hook('preAction', async (_, command) => {
    heedGlobalFlags(command);
    await heedFlagsOfOthers(command);
  });
  throwInsteadOfExit(program);
  return { program, words };
}

/** `--debug` is heeded wherever it stands before `--`, as published pipelines write it. */
export function withoutDebug(argv: readonly string[]): { readonly words: readonly string[]; readonly debug: boolean } {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const words = argv.filter((word, index) => word !== '--debug' || index > end);
  return { words, debug: words.length < argv.length };
}

/** `help manifest push` is `manifest push --help`. Of a command that there is not it stays its name, which is then refused. */
function withoutHelpCommand(words: readonly string[]): readonly string[] {
  const [first, ...rest] = words;
  if (first !== 'help' || rest.length === 0) return words;
  return entryOf(rest) ? [...rest, '--help'] : rest;
}

/** Runs one command; returns the exit status: 0, 1 failed, 2 bad input, 130 interrupted. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  listenForInterrupts();
  const { words: given, debug } = withoutDebug(argv);
  try {
    const { program, words } = await programFor(withoutHelpCommand(given));
    if (words.length === 0) {
      program.outputHelp();
      return 0;
    }
    await program.parseAsync([...words], { from: 'user' });
    return Number(process.exitCode ?? 0);
  } catch (error) {
    return reportError(error, { debug, interrupted: interrupted.aborted });
  }
}
