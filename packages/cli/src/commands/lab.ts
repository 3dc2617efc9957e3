import { spawn } from 'node:child_process';
import type { Lab, LabHost, OnLabEvent } from '@sealos/lab';
import { Command, InvalidArgumentError, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatTable } from '../output.ts';

interface NameFlag {
  readonly name: string;
}

export function labCommand(): Command {
  const command = new Command('lab')
    .description('Servers made on this machine with systemd-nspawn, for trying things out (needs root)')
    .enablePositionalOptions();
  command.addCommand(
    subcommand('up', 'Make servers h1 to hN and wait until ssh answers; those that run are left alone')
      .option('--count <n>', 'how many servers', readCount, 1)
      .option('--memory <size>', 'memory that each new server may use, such as 2g or 512m', readSize)
      .option('--package <name>', 'another Debian package for new servers (may be given more than once)', collect, [])
      .option('-q, --quiet', 'print errors only')
      .action(up),
  );
  command.addCommand(
    subcommand('ls', 'List the servers')
      .alias('list')
      .addOption(new Option('-o, --output <format>', 'how the list is printed').choices(['table', 'json']).default('table'))
      .action(ls),
  );
  command.addCommand(
    subcommand('ssh', 'Open a shell on a server, or run a command there')
      .argument('<host>')
      .argument('[command...]')
      .option('-u, --user <user>', 'root, op (sudo without a password) or opp (sudo with one)', 'root')
      .passThroughOptions()
      .action(ssh),
  );
  command.addCommand(
    subcommand('down', 'Remove the servers and everything that was made for them')
      .option('--cache', 'remove the base systems that servers are copied from, too')
      .action(down),
  );
  for (const { name, summary, done, run } of ON_A_HOST) {
    command.addCommand(
      subcommand(name, summary)
        .argument('<host>')
        .action(async (host: string, flags: NameFlag) => {
          await run(await openNamed(flags), host);
          console.log(`${host} ${done}`);
        }),
    );
  }
  return command;
}

const signal = interrupted;

const ON_A_HOST: readonly { name: string; summary: string; done: string; run: (lab: Lab, host: string) => Promise<void> }[] = [
  { name: 'cut', summary: "Pull a server's network cable", done: 'is cut off', run: (lab, host) => lab.cut(host, { signal }) },
  { name: 'join', summary: "Plug a server's network cable in again", done: 'is connected', run: (lab, host) => lab.join(host, { signal }) },
  {
    name: 'freeze',
    summary: 'Stop all of its processes where they are',
    done: 'is frozen',
    run: (lab, host) => lab.freeze(host, { signal }),
  },
  { name: 'thaw', summary: 'Let its processes go on', done: 'goes on', run: (lab, host) => lab.thaw(host, { signal }) },
  {
    name: 'kill',
    summary: 'Power loss: everything stops at once, the disk stays',
    done: 'has no power',
    run: (lab, host) => lab.kill(host, { signal }),
  },
  { name: 'start', summary: 'Power on again', done: 'is up', run: (lab, host) => lab.start(host, { signal }) },
  {
    name: 'reset',
    summary: 'Make it new: same address, empty disk',
    done: 'is new',
    run: (lab, host) => lab.reset(host, { signal, onEvent: showOn(false) }),
  },
];

function subcommand(name: string, summary: string): Command {
  return new Command(name).description(summary).option('--name <lab>', 'which lab; several live side by side', 'default');
}

async function openNamed({ name }: NameFlag): Promise<Lab> {
  const { openLab } = await import('@sealos/lab');
  return openLab({ name });
}

interface UpFlags extends NameFlag {
  readonly count: number;
  readonly memory?: number;
  readonly package: readonly string[];
  readonly quiet?: boolean;
}

async function up(flags: UpFlags): Promise<void> {
  const lab = await openNamed(flags);
  const hosts = await lab.up({
    count: flags.count,
    memory: flags.memory,
    packages: flags.package,
    onEvent: showOn(flags.quiet ?? false),
    signal,
  });
  console.log(table(hosts));
}

async function ls(flags: NameFlag & { readonly output: 'table' | 'json' }): Promise<void> {
  const hosts = await (await openNamed(flags)).list();
  console.log(flags.output === 'json' ? JSON.stringify(hosts, undefined, 2) : table(hosts));
}

async function ssh(host: string, words: readonly string[], flags: NameFlag & { readonly user: string }): Promise<void> {
  const command = words[0] === '--' ? words.slice(1) : words;
  const [program = 'ssh', ...args] = await (await openNamed(flags)).ssh(host, command, { user: flags.user });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    child.once('error', reject);
    // Ctrl-C on a terminal reaches ssh as well; a signal to this process alone is handed on.
    signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

async function down(flags: NameFlag & { readonly cache?: boolean }): Promise<void> {
  const lab = await openNamed(flags);
  await lab.down({ signal, cache: flags.cache });
  console.log(`lab '${flags.name}' is gone`);
}

function table(hosts: readonly LabHost[]): string {
  return formatTable(
    ['HOST', 'ADDRESS', 'STATE', 'PID'],
    hosts.map(({ name, ip, state, pid }) => [name, ip, state, pid === undefined ? '-' : String(pid)]),
  );
}

/** Progress on stderr: one line for each thing begun or ready; the lines of debootstrap only on a terminal, over one another. */
function showOn(quiet: boolean): OnLabEvent {
  if (quiet) return () => {};
  const terminal = process.stderr.isTTY;
  const clear = terminal ? '\r\x1b[K' : '';
  return (event) => {
    if (event.kind === 'host') process.stderr.write(`${clear}${event.name}  ${event.phase}\n`);
    else if (event.kind === 'base')
      process.stderr.write(`${clear}base system  ${event.phase === 'building' ? 'being made, about a minute' : 'ready'}\n`);
    else if (terminal) process.stderr.write(`${clear}${event.line.slice(0, (process.stderr.columns || 80) - 1)}`);
  };
}

function readCount(text: string): number {
  const count = Number(text);
  if (!/^[1-9][0-9]*$/.test(text) || count > 200) throw new InvalidArgumentError('a whole number from 1 to 200 is expected.');
  return count;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

function readSize(text: string): number {
  const [, number, unit = ''] = /^([1-9][0-9]*)([kmg]?)$/i.exec(text) ?? [];
  const size = Number(number) * (UNITS[unit.toLowerCase()] ?? 1);
  if (Number.isSafeInteger(size)) return size;
  throw new InvalidArgumentError('a size such as 2g or 512m is expected.');
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
