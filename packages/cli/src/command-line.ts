import { Command } from 'commander';
import { type CommandEntry, commands } from './command-list.ts';
import { reportError } from './error-output.ts';
import { interrupted, listenForInterrupts } from './interrupt.ts';

/** The command that the arguments name: their first word that is neither a flag nor the value of a global one. */
function entryOf(argv: readonly string[]): CommandEntry | undefined {
  const word = argv.find((argument, index) => !argument.startsWith('-') && argv[index - 1] !== '--root');
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
  return new Command('sealos')
    .description('Turns Linux servers into a Kubernetes cluster with its applications, also where there is no internet.')
    .option('--debug', 'show where errors come from')
    .option('--root <dir>', 'where the images of this machine are kept')
    .enablePositionalOptions()
    .addHelpText('after', "\nRun 'sealos COMMAND --help' for a command's own flags.");
}

const loaded = async (entry: CommandEntry): Promise<Command> => (await entry.load()).summary(entry.summary).helpGroup(`${entry.group}:`);

const visibility = ({ isHidden = false }: CommandEntry) => ({ hidden: isHidden });

/** The program with every command loaded, to be described and not run: its completions and its manual. */
export async function wholeProgram(): Promise<Command> {
  const program = emptyProgram();
  for (const entry of commands) program.addCommand(await loaded(entry), visibility(entry));
  return program;
}

async function makeProgram(argv: readonly string[]): Promise<Command> {
  const program = emptyProgram();
  const wanted = entryOf(argv);
  if (wanted) program.addCommand(await loaded(wanted));
  else for (const entry of commands) program.addCommand(stub(entry), visibility(entry));
  program.hook('preAction', (root) => {
    const { root: storage } = root.opts<{ root?: string }>();
    if (storage) process.env['SEALOS_STORAGE'] = storage;
  });
  throwInsteadOfExit(program);
  return program;
}

/** `--debug` is heeded wherever it stands before `--`, as published pipelines write it. */
function withoutDebug(argv: readonly string[]): { readonly words: readonly string[]; readonly debug: boolean } {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length;
  const words = argv.filter((word, index) => word !== '--debug' || index > end);
  return { words, debug: words.length < argv.length };
}

/** Runs one command; returns the exit status: 0, 1 failed, 2 bad input, 130 interrupted. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  listenForInterrupts();
  const { words, debug } = withoutDebug(argv);
  try {
    const program = await makeProgram(words);
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
