// A story told on a stage: without disturbance, to know how it goes, and with the operator killed on the way.
import type { ClusterDump } from '../support/cluster-dump.ts';
import { BEGUN, eventReader } from './event.ts';
import type { Moment } from './moment.ts';
import type { Stage } from './stage.ts';
import type { Chapter } from './story.ts';

/** How a chapter goes when nobody disturbs it. */
export interface Told {
  readonly chapter: Chapter;
  readonly events: readonly string[];
  readonly dump: ClusterDump;
  readonly seconds: number;
}

/** What became of a moment. */
export interface Kill {
  readonly moment: Moment;
  /** The event that was meant, and the one at which the signal was sent; undefined: the call had ended before. */
  readonly meant: string;
  readonly event: string | undefined;
  /** Seconds from the start of the call to its end. */
  readonly seconds: number;
}

export interface Survived {
  readonly chapter: Chapter;
  readonly kills: readonly Kill[];
  /** Seconds of the call that went on to the end. */
  readonly seconds: number;
  /** What differs from the undisturbed telling, and whatever went wrong; empty: the same cluster. */
  readonly faults: readonly string[];
  /** False: the command failed, so that the story cannot go on from there. */
  readonly ended: boolean;
}

export type Say = (line: string) => void;

/** A call that takes longer hangs. */
const LONGEST_CALL = 20 * 60_000;
const json = ['--log-format', 'json'];

const lastWords = (text: string) => text.trim().split('\n').slice(-20);
const since = (started: number) => Math.round((performance.now() - started) / 100) / 10;

/** Tells every chapter undisturbed. Throws when a command fails, or leaves what it should not. */
export async function tell(stage: Stage, story: readonly Chapter[], say: Say): Promise<readonly Told[]> {
  const told: Told[] = [];
  for (const chapter of story) {
    const read = eventReader(stage.names);
    const events = [BEGUN];
    const started = performance.now();
    const { status, stderr, stdout } = await stage.operator([...chapter.args, ...json], {
      timeout: LONGEST_CALL,
      onLine: (line) => {
        const event = read(line);
        if (event !== undefined) events.push(event);
      },
    });
    const seconds = since(started);
    if (status !== 0) throw new Error(`${chapter.name} failed undisturbed (${status}):\n${[...lastWords(stdout), stderr].join('\n')}`);
    const dump = await stage.dump(chapter);
    const faults = await stage.faults(chapter, dump);
    if (faults.length > 0) throw new Error(`${chapter.name}, undisturbed, is not as it should be:\n${faults.join('\n')}`);
    say(`${chapter.name} undisturbed: ${seconds} s, ${events.length} events, ${dump.length} lines`);
    told.push({ chapter, events, dump, seconds });
  }
  return told;
}

/** Runs the chapter's command and kills it at the moment. The call may also end by itself before: then `ended` says how. */
async function killAt(stage: Stage, { chapter, events }: Told, moment: Moment) {
  const places = new Map(events.map((event, place) => [event, place]));
  const read = eventReader(stage.names);
  let event: string | undefined = moment.place === 0 ? BEGUN : undefined;
  const killWhen = (line: string) => {
    const now = read(line);
    if (event !== undefined || now === undefined || (places.get(now) ?? -1) < moment.place) return false;
    event = now;
    return true;
  };
  const started = performance.now();
  const ended = await stage.operator([...chapter.args, ...json], {
    killDelay: moment.delay,
    timeout: LONGEST_CALL,
    ...(event === undefined ? { killWhen } : {}),
  });
  const kill: Kill = {
    moment,
    meant: events[moment.place] ?? '',
    event: ended.status === null ? event : undefined,
    seconds: since(started),
  };
  return { kill, ended };
}

const isWell = ({ refusedWhenDone }: Chapter, status: number | null, stderr: string) =>
  status === 0 || (status === 2 && refusedWhenDone !== undefined && refusedWhenDone.test(stderr));

/** Tells one chapter with the operator killed at each of the moments, one call after the other, and then to the end. */
export async function disturb(stage: Stage, told: Told, moments: readonly Moment[], say: Say): Promise<Survived> {
  const { chapter } = told;
  const kills: Kill[] = [];
  const faults: string[] = [];
  const failed = (what: string, { status, stdout, stderr }: { status: number | null; stdout: string; stderr: string }) => {
    faults.push(`${what} (exit status ${status})`, ...lastWords(stderr), ...lastWords(stdout));
    return { chapter, kills, seconds: 0, faults, ended: false };
  };
  for (const moment of moments) {
    const { kill, ended } = await killAt(stage, told, moment);
    kills.push(kill);
    const where = `${chapter.name}, moment ${kills.length}: ${kill.event ?? `${kill.meant}, which did not come any more`} + ${moment.delay} ms`;
    say(`${where}, after ${kill.seconds} s`);
    if (ended.status === null && kill.event === undefined) return failed(`${where}: the call hung`, ended);
    if (ended.status !== null && !isWell(chapter, ended.status, ended.stderr)) return failed(`${where}: the call failed`, ended);
    if (moment.patient)
      await stage.quiet().catch((error: unknown) => faults.push(`${where}: ${error instanceof Error ? error.message : error}`));
  }
  const started = performance.now();
  const ended = await stage.operator([...chapter.args, ...json], { timeout: LONGEST_CALL });
  const seconds = since(started);
  if (!isWell(chapter, ended.status, ended.stderr)) return failed(`${chapter.name}: the last call failed`, ended);
  await stage.quiet().catch((error: unknown) => faults.push(`${chapter.name}: ${error instanceof Error ? error.message : error}`));
  faults.push(...(await stage.faults(chapter, told.dump)));
  say(`${chapter.name}: ${faults.length === 0 ? 'the same cluster' : `${faults.length} FAULTS`}; its last call took ${seconds} s`);
  for (const fault of faults) say(`  ${fault}`);
  return { chapter, kills, seconds, faults, ended: true };
}

/** After a chapter that failed: a new cluster, brought undisturbed to where the story goes on. Throws when that fails, too. */
export async function startAnew(stage: Stage, story: readonly Chapter[], say: Say): Promise<void> {
  say('taking the cluster away and bringing a new one to where the story goes on');
  for (const args of [['reset', '--yes', '--force'], ...story.map((chapter) => chapter.args)]) {
    const { status, stderr } = await stage.operator(args, { timeout: LONGEST_CALL });
    if (status !== 0 && !/there is no cluster/.test(stderr)) throw new Error(`${args[0]} failed (${status}):\n${stderr}`);
  }
}
