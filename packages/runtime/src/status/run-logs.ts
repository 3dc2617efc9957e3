import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { badInput } from '@sealos/image';
import * as v from 'valibot';
import type { RunEvent } from '../event.ts';
import { journalNames, type RunOutcome } from '../journal.ts';
import { processMarkSchema, processState } from '../state/process-mark.ts';

/** One run of the past, as its journal tells it. */
export interface RunLog {
  /** Of its file, without the ending: its time and command. */
  readonly name: string;
  readonly command: string;
  readonly user: string | undefined;
  /** RFC 3339. */
  readonly startedAt: string;
  /** When the last line was written. */
  readonly lastAt: string;
  readonly milliseconds: number;
  /** `killed`: there is no end, and its process is no more. `unknown`: it was begun on another machine and has no end. */
  readonly outcome: RunOutcome | 'killed' | 'at work' | 'unknown';
  readonly hosts: readonly string[];
  /** Steps that changed something; undefined where it did not come to its end. */
  readonly changed: number | undefined;
  readonly failures: readonly { readonly step: string; readonly host: string; readonly message: string }[];
}

const where = { at: v.string(), step: v.string(), host: v.string() };
const bytes = v.exactOptional(v.number());
const eventSchema = v.variant('kind', [
  v.object({
    at: v.string(),
    kind: v.literal('plan'),
    steps: v.array(v.object({ id: v.string(), title: v.string(), hosts: v.array(v.string()) })),
  }),
  v.object({ ...where, kind: v.literal('step-started'), bytes }),
  v.object({ ...where, kind: v.literal('step-done'), milliseconds: v.number() }),
  v.object({ ...where, kind: v.literal('step-skipped') }),
  v.object({ ...where, kind: v.literal('step-todo'), what: v.string(), bytes }),
  v.object({ ...where, kind: v.literal('step-failed'), message: v.string(), milliseconds: v.number() }),
  v.object({ ...where, kind: v.literal('output'), line: v.string() }),
  v.object({ at: v.string(), kind: v.literal('warning'), message: v.string(), host: v.exactOptional(v.string()) }),
  v.object({ at: v.string(), kind: v.literal('finished'), changed: v.number(), skipped: v.number(), milliseconds: v.number() }),
]);

const frameSchema = v.variant('kind', [
  v.object({ at: v.string(), kind: v.literal('begun'), command: v.string(), user: v.string(), process: processMarkSchema }),
  v.object({ at: v.string(), kind: v.literal('ended'), outcome: v.picklist(['done', 'failed', 'stopped']) }),
]);

type Line = RunEvent | v.InferOutput<typeof frameSchema>;

/** The lines of a journal one after the other; the last, where a power loss cut it, and those of another version are left out. */
async function* linesOf(path: string): AsyncGenerator<Line> {
  for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY })) {
    const line = parseLine(text);
    if (line) yield line;
  }
}

function parseLine(text: string): Line | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const event = v.safeParse(eventSchema, value);
  if (event.success) return event.output;
  const frame = v.safeParse(frameSchema, value);
  return frame.success ? frame.output : undefined;
}

/** The time and the command in a journal's name: `2026-11-21T11-20-13-123Z-run`. */
function readName(name: string): { readonly at: string; readonly command: string } {
  const [, date = '', hour = '', minute = '', second = '', fraction = '', command = name] =
    /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)-(\d{3})Z-(.*)$/.exec(name) ?? [];
  return { at: date === '' ? '' : `${date}T${hour}:${minute}:${second}.${fraction}Z`, command };
}

async function summarize(logs: string, file: string): Promise<RunLog> {
  const name = file.replace(/\.jsonl$/, '');
  const named = readName(name);
  const hosts = new Set<string>();
  const failures: { step: string; host: string; message: string }[] = [];
  let [command, lastAt]: readonly string[] = [named.command, named.at];
  let user: string | undefined;
  let owner: v.InferOutput<typeof processMarkSchema> | undefined;
  let changed: number | undefined;
  let ended: RunOutcome | undefined;
  for await (const line of linesOf(join(logs, file))) {
    lastAt = line.at;
    if (line.kind === 'begun') ({ command, user, process: owner } = line);
    else if (line.kind === 'ended') ended = line.outcome;
    else if (line.kind === 'plan') for (const step of line.steps) for (const host of step.hosts) hosts.add(host);
    if (line.kind === 'step-failed') failures.push({ step: line.step, host: line.host, message: line.message });
    if (line.kind === 'finished') changed = line.changed;
  }
  const state = owner && (await processState(owner));
  const endless = { runs: 'at work', ended: 'killed', elsewhere: 'unknown' } as const;
  return {
    name,
    command: command ?? '',
    user,
    startedAt: named.at,
    lastAt: lastAt ?? named.at,
    milliseconds: Math.max(0, Date.parse(lastAt ?? '') - Date.parse(named.at)) || 0,
    outcome: ended ?? (changed === undefined ? endless[state ?? 'ended'] : 'done'),
    hosts: [...hosts],
    changed,
    failures,
  };
}

/** Every run whose journal is kept, the last first. A cluster that was removed keeps its own. */
export async function listRunLogs(logs: string): Promise<readonly RunLog[]> {
  const runs: RunLog[] = [];
  for (const file of (await journalNames(logs)).toReversed()) runs.push(await summarize(logs, file));
  return runs;
}

/** The run that is meant: `1` is the last, `2` the one before; or the beginning of a name; undefined: the last. Throws bad input for none or several. */
export async function findRunLog(logs: string, cluster: string, wanted: string | undefined): Promise<RunLog> {
  const names = (await journalNames(logs)).toReversed();
  if (names.length === 0)
    throw badInput('no-logs', `nothing has been run on a cluster '${cluster}' from here`, 'sealos clusters --all lists the clusters');
  const list = 'sealos logs --list shows them';
  if (wanted === undefined || /^\d{1,3}$/.test(wanted)) {
    const name = names[Number(wanted ?? 1) - 1];
    if (name === undefined) throw badInput('no-such-run', `there is no run ${wanted}: ${names.length} are kept`, list);
    return summarize(logs, name);
  }
  const found = names.filter((name) => name.startsWith(wanted));
  const [name] = found;
  if (name === undefined || found.length > 1)
    throw badInput('no-such-run', `${found.length === 0 ? 'no run has' : 'several runs have'} a name that begins with '${wanted}'`, list);
  return summarize(logs, name);
}

/** A run's events, those of one host or one step (its id or its title) alone where these are named. */
export async function* readRunLog(
  logs: string,
  run: Pick<RunLog, 'name'>,
  only: { readonly host?: string | undefined; readonly step?: string | undefined } = {},
): AsyncGenerator<RunEvent> {
  const wanted = new Set([only.step]);
  for await (const line of linesOf(join(logs, `${run.name}.jsonl`))) {
    if (line.kind === 'begun' || line.kind === 'ended') continue;
    if (line.kind === 'plan') {
      for (const { id, title } of line.steps) if (title === only.step) wanted.add(id);
    } else {
      if (only.host !== undefined && !('host' in line && line.host === only.host)) continue;
      if (only.step !== undefined && !('step' in line && wanted.has(line.step))) continue;
    }
    yield line;
  }
}
