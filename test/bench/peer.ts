import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { measure, together } from './measure.ts';
import { remove } from './work-directory.ts';

/** buildah with a storage driver and a place of its own. */
export interface Buildah {
  readonly driver: string;
  readonly command: readonly string[];
}

const buildahIn = (work: string, driver: string): Buildah => ({
  driver,
  command: ['buildah', '--root', join(work, driver), '--runroot', join(work, `${driver}-run`), '--storage-driver', driver],
});

/** The build as buildah does it quickest: without a cache of layers, which for a COPY of all costs a second reading. */
export const buildahBuild = ({ command }: Buildah, context: string): readonly string[] => [
  ...command,
  ...['build', '--isolation', 'chroot', '-t', 'localhost/bench:1', '-f', join(context, 'Kubefile'), context],
];

const TRIALS = 3;

/** The storage driver with which buildah builds and saves a context quickest on this machine: each at its best of several trials, in turns. */
export async function fastestBuildah(work: string, context: string, signal: AbortSignal | undefined): Promise<Buildah> {
  const best = new Map<string, number>();
  const place = join(work, 'drivers');
  for (let trial = 0; trial < TRIALS; trial += 1) {
    for (const driver of ['overlay', 'vfs']) {
      mkdirSync(place);
      try {
        const buildah = buildahIn(place, driver);
        const save = [...buildah.command, 'push', 'localhost/bench:1', `oci-archive:${join(place, 'saved.tar')}`];
        const { seconds } = together(await measure(buildahBuild(buildah, context), { signal }), await measure(save, { signal }));
        best.set(driver, Math.min(seconds, best.get(driver) ?? seconds));
      } catch {
        signal?.throwIfAborted(); // a driver that this kernel or file system does not do is none to choose
      } finally {
        remove(place);
      }
    }
  }
  const [quickest] = [...best].sort(([, a], [, b]) => a - b);
  if (quickest === undefined) throw new Error('buildah builds with none of its storage drivers here');
  return buildahIn(work, quickest[0]);
}

export function versionOf(program: 'buildah' | 'skopeo'): string {
  return /\d+\.\d+\.\d+/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)?.[0] ?? 'of unknown version';
}
