import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { cacheRoot, ensureInstalled } from '../../scripts/debian.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { executableIn } from '../support/executable.ts';
import { makeContext, SMALL_FILE, smallFile } from './content.ts';
import { type Measurement, measure, median, together } from './measure.ts';
import { type Buildah, buildahBuild, fastestBuildah, versionOf } from './peer.ts';
import type { Row } from './row.ts';
import { openWorkDirectory, remove } from './work-directory.ts';

/** From source; what is measured beside the others is the executable, which users have. */
const fromSource = join(dirname(dirname(import.meta.dirname)), 'sealos');

/** A command's largest process may have this much memory, in MB, whatever the image's size. */
const MEMORY = 200;
/** `sealos images` may take this long, in milliseconds. */
const START = 120;
const STARTS = 25;

/** How many MB are built and saved to find out which of buildah's storage drivers is the quickest. */
const DRIVER_TRIAL = 50;

export interface ImagesResult {
  readonly megabytes: number;
  readonly rounds: number;
  readonly peers: string;
  readonly rows: readonly Row[];
}

/** Small ones are over before the clock says much, and big ones even out by themselves. */
const roundsFor = (megabytes: number): number => (megabytes <= 10 ? 5 : megabytes <= 1000 ? 3 : 1);

/**
 * Measures the image commands on a context of so many MB, each beside its peer, one after the other in the same run; several rounds, of which
 * the median counts. Whatever it makes is removed, also when `signal` ends it; only the context is kept for the next time.
 */
export async function benchImages(megabytes: number, signal: AbortSignal, say: (line: string) => void): Promise<ImagesResult> {
  ensureInstalled(['buildah', 'skopeo', 'time']);
  mkdirSync(cacheRoot, { recursive: true });
  // What is on the disk at once: the context, both builders' images twice over, archives, a registry, two more stores.
  using work = openWorkDirectory(megabytes * 9e6 + 1e9);
  say(`bench: making a context of ${megabytes} MB`);
  const contextOf = (size: number) => makeContext(join(cacheRoot, `bench-content-${size}`), size);
  const context = contextOf(megabytes);
  const buildah = await fastestBuildah(work.path, contextOf(DRIVER_TRIAL), signal);
  say('bench: building the executable');
  const executable = await executableIn(work.path);
  const rounds = roundsFor(megabytes);
  const measured: Round[] = [];
  for (let round = 1; round <= rounds; round += 1) {
    say(`bench: ${megabytes} MB, round ${round} of ${rounds}, beside buildah with its ${buildah.driver} driver and skopeo`);
    const place = join(work.path, 'round');
    mkdirSync(place);
    try {
      measured.push(await oneRound(place, { executable, context, buildah, signal }));
    } finally {
      remove(place);
      writeFileSync(join(context, SMALL_FILE), smallFile(1));
    }
  }
  const peers = `buildah ${versionOf('buildah')} with its ${buildah.driver} driver, skopeo ${versionOf('skopeo')}`;
  return { megabytes, rounds, peers, rows: rowsOf(measured) };
}

interface Pair {
  readonly ours: Measurement;
  readonly theirs: Measurement;
}

interface Round {
  readonly pairs: Readonly<Record<'build' | 'rebuild' | 'push' | 'save' | 'pull' | 'load', Pair>>;
  readonly starts: readonly Measurement[];
  readonly startsFromSource: readonly Measurement[];
}

interface Setting {
  /** The program that is measured. */
  readonly executable: string;
  readonly context: string;
  readonly buildah: Buildah;
  readonly signal: AbortSignal;
}

async function oneRound(work: string, { executable, context, buildah, signal }: Setting): Promise<Round> {
  await using registry = await startDockerRegistry({ directory: join(work, 'registry') });
  const home = join(work, 'home');
  const temporary = join(work, 'tmp');
  for (const directory of [home, temporary]) mkdirSync(directory);
  const run = (command: readonly string[], env: NodeJS.ProcessEnv = {}) => measure(command, { env: { TMPDIR: temporary, ...env }, signal });
  const sealos = (program: string, store: string, ...words: readonly string[]) =>
    run([program, ...words], { SEALOS_STORAGE: join(work, store), HOME: home, XDG_CACHE_HOME: dirname(cacheRoot) });
  const ours = (store: string, ...words: readonly string[]) => sealos(executable, store, ...words);
  const theirs = (...words: readonly string[]) => run([...buildah.command, ...words]);
  const [oursTar, theirsTar] = [join(work, 'ours.tar'), join(work, 'theirs.tar')];
  const [oursName, theirsName] = [`${registry.address}/ours/bench:1`, `${registry.address}/theirs/bench:1`];

  await run(['sh', '-c', 'find "$0" -type f -exec cat {} + >/dev/null', context]); // both find the files in memory
  const build = {
    theirs: await run(buildahBuild(buildah, context)),
    ours: await ours('store', 'build', '-t', 'localhost/bench:1', context),
  };
  const push = {
    theirs: await theirs('push', '--tls-verify=false', 'localhost/bench:1', `docker://${theirsName}`),
    ours: await ours('store', 'push', 'localhost/bench:1', oursName),
  };
  const save = {
    theirs: await theirs('push', 'localhost/bench:1', `oci-archive:${theirsTar}`),
    ours: await ours('store', 'save', '-o', oursTar, 'localhost/bench:1'),
  };
  rmSync(theirsTar);
  writeFileSync(join(context, SMALL_FILE), `${smallFile(1)}# changed\n`);
  const rebuild = {
    theirs: await run(buildahBuild(buildah, context)),
    ours: await ours('store', 'build', '-t', 'localhost/bench:1', context),
  };
  const pull = {
    theirs: await run(['skopeo', 'copy', '--src-tls-verify=false', `docker://${oursName}`, `oci:${join(work, 'pulled')}:bench`]),
    ours: await ours('pulled-by-us', 'pull', oursName),
  };
  for (const directory of ['pulled', 'pulled-by-us']) rmSync(join(work, directory), { recursive: true });
  const load = {
    theirs: await run(['skopeo', 'copy', `oci-archive:${oursTar}`, `oci:${join(work, 'loaded')}:bench`]),
    ours: await ours('loaded-by-us', 'load', '-i', oursTar),
  };
  const starts: Measurement[] = [];
  const startsFromSource: Measurement[] = [];
  for (let count = 0; count < STARTS; count += 1) {
    starts.push(await ours('store', 'images'));
    startsFromSource.push(await sealos(fromSource, 'store', 'images'));
  }
  return { pairs: { build, rebuild, push, save, pull, load }, starts, startsFromSource };
}

function rowsOf(rounds: readonly Round[]): readonly Row[] {
  const pair = (...parts: readonly (keyof Round['pairs'])[]): Pair => ({
    ours: median(rounds.map(({ pairs }) => together(...parts.map((part) => pairs[part].ours)))),
    theirs: median(rounds.map(({ pairs }) => together(...parts.map((part) => pairs[part].theirs)))),
  });
  const ratio = (what: string, peer: string, target: number | undefined, ...parts: readonly (keyof Round['pairs'])[]): Row => ({
    kind: 'ratio',
    what,
    peer,
    target,
    ...pair(...parts),
  });
  const start = (what: string, starts: readonly Measurement[]): Row => {
    const best = Math.min(...starts.map(({ seconds }) => seconds));
    const note = `median of ${starts.length}, best ${(best * 1000).toFixed(0)} ms`;
    return { kind: 'limit', what, value: median(starts).seconds * 1000, limit: START, unit: 'ms', note };
  };
  const largest = Math.max(...rounds.flatMap(({ pairs }) => Object.values(pairs).map(({ ours }) => ours.megabytes)));
  return [
    ratio('build', 'buildah, which does not compress yet', 0.4, 'build'),
    ratio('build again, one small file changed', 'buildah', 0.05, 'rebuild'),
    ratio('push', 'buildah', undefined, 'push'),
    ratio('save', 'buildah', undefined, 'save'),
    ratio('build and push', 'buildah', 0.15, 'build', 'push'),
    ratio('build and save', 'buildah', 0.15, 'build', 'save'),
    ratio('pull', 'skopeo', 1, 'pull'),
    ratio('load', 'skopeo', 1, 'load'),
    { kind: 'limit', what: 'Largest memory of any of our commands', value: largest, limit: MEMORY, unit: 'MB', note: '' },
    start(
      '`sealos images`',
      rounds.flatMap(({ starts }) => starts),
    ),
    start(
      '`sealos images` from source',
      rounds.flatMap(({ startsFromSource }) => startsFromSource),
    ),
  ];
}
