import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { measure } from './measure.ts';
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

/** The storage driver with which buildah builds a small context quickest on this machine. */
export async function fastestBuildah(work: string, smallContext: string, signal: AbortSignal | undefined): Promise<Buildah> {
  const tried: { readonly driver: string; readonly seconds: number }[] = [];
  for (const driver of ['overlay', 'vfs']) {
    const place = join(work, 'drivers');
    mkdirSync(place);
    try {
      const command = buildahBuild(buildahIn(place, driver), smallContext);
      await measure(command, { signal });
      tried.push({ driver, seconds: (await measure(command, { signal })).seconds });
    } catch {
      signal?.throwIfAborted(); // a driver that this kernel or file system does not do is none to choose
    } finally {
      remove(place);
    }
  }
  const [best] = tried.sort((a, b) => a.seconds - b.seconds);
  if (best === undefined) throw new Error('buildah builds with none of its storage drivers here');
  return buildahIn(work, best.driver);
}

export function versionOf(program: 'buildah' | 'skopeo'): string {
  return /\d+\.\d+\.\d+/.exec(spawnSync(program, ['--version'], { encoding: 'utf8' }).stdout)?.[0] ?? 'of unknown version';
}
