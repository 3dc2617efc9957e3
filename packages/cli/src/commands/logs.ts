import { Command, InvalidArgumentError, Option } from 'commander';
import { formatTable } from '../output.ts';

interface LogsFlags {
  readonly cluster: string;
  readonly list?: boolean;
  readonly lines?: number;
  readonly host?: string;
  readonly step?: string;
  readonly output?: 'json';
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('a number from 1 on is expected.');
  return count;
}

export function logsCommand(): Command {
  return new Command('logs')
    .description('Show what was done on a cluster: its last run, or the one that is named; also after the cluster was removed')
    .argument('[run]', 'its number in --list (1 is the last), or how its name begins')
    .option('-c, --cluster <name>', 'name of the cluster', 'default')
    .option('-l, --list', 'list the runs, the last first')
    .option('-n, --lines <number>', 'only so many: of a run its last lines, of the list the last runs', parseCount)
    .option('--host <host>', 'only what concerns this host')
    .option('--step <step>', 'only this step, by its title or its name in -o json')
    .addOption(new Option('-o, --output <format>', 'output format; of a run one event a line').choices(['json']))
    .action(logs);
}

async function logs(wanted: string | undefined, flags: LogsFlags): Promise<void> {
  const { findRunLog, openState, readRunLog } = await import('@sealos/runtime');
  const state = await openState(flags.cluster);
  if (flags.list) return await listRuns(state.logs, flags);
  const { jsonLine } = await import('../progress/json.ts');
  const { formatSeconds, makeDescription } = await import('../progress/plain.ts');
  const run = await findRunLog(state.logs, flags.cluster, wanted);
  const describe = makeDescription();
  const asJson = flags.output === 'json';
  // Only the lines that will be shown are kept.
  const kept: string[] = [];
  const print = (line: string) => {
    if (flags.lines === undefined) process.stdout.write(line);
    else if (kept.push(line) > flags.lines) kept.shift();
  };
  const clock = (at: string) => at.slice(11, 19);
  if (!asJson) console.log(`${run.startedAt}  ${run.command}${run.user ? `  (${run.user})` : ''}`);
  for await (const event of readRunLog(state.logs, run, flags)) {
    if (asJson) print(jsonLine(event));
    else for (const line of describe(event)) print(`${clock(event.at)}  ${line}\n`);
  }
  for (const line of kept) process.stdout.write(line);
  if (asJson) return;
  for (const { host, message } of run.failures) console.log(message.includes(host) ? message : `${host}: ${message}`);
  console.log(`${clock(run.lastAt)}  ${ENDS[run.outcome]}${run.outcome === 'at work' ? '' : ` after ${formatSeconds(run.milliseconds)}`}`);
}

const ENDS = {
  done: 'done',
  failed: 'failed',
  stopped: 'stopped before its end',
  killed: 'killed: there is no end',
  'at work': 'still at work',
  unknown: 'without an end so far; it was begun on another machine',
} as const;

async function listRuns(directory: string, flags: LogsFlags): Promise<void> {
  const { findRunLog, listRunLogs } = await import('@sealos/runtime');
  const { formatSeconds } = await import('../progress/plain.ts');
  // Says in the same words that there are none.
  await findRunLog(directory, flags.cluster, undefined);
  const runs = (await listRunLogs(directory)).slice(0, flags.lines);
  if (flags.output === 'json') {
    console.log(JSON.stringify(runs, undefined, 2));
    return;
  }
  const rows = runs.map((run, index) => [
    String(index + 1),
    run.startedAt.replace(/\.\d+Z$/, 'Z'),
    run.command,
    formatSeconds(run.milliseconds),
    run.outcome,
    run.changed === undefined ? '-' : String(run.changed),
    String(run.hosts.length),
  ]);
  console.log(formatTable(['RUN', 'STARTED', 'COMMAND', 'TOOK', 'OUTCOME', 'CHANGED', 'HOSTS'], rows));
}
