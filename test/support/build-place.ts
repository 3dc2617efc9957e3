// Builds with RUN on a base with busybox, in a store and a context of their own.
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type BuildOptions, buildImage, openImage, openStore, parseReference, readFiles, type Store } from '@sealos/image';
import { unpacked } from '../../scripts/debian.ts';
import { withDirectory } from './images.ts';

/** Why these tests cannot run here, or false. */
export const skip = process.getuid?.() !== 0 && 'only root can isolate';
/** What is built. */
export const REF = parseReference('localhost/x:1');
/** The first lines of every Kubefile: busybox with all of its names. */
export const BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n';

export interface Place {
  readonly store: Store;
  readonly context: string;
  readonly directory: string;
  /** Builds the lines on a base with busybox; returns what RUN printed. */
  build(lines: string, more?: Partial<BuildOptions>): Promise<string>;
  /** A file of the built image; undefined: it has none. */
  text(path: string): Promise<string | undefined>;
}

/** Runs `work` with a place that is gone afterwards. */
export async function withPlace(work: (place: Place) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await copyFile(join(unpacked('busybox-static'), 'bin/busybox'), join(context, 'busybox'));
    await using store = await openStore(join(directory, 'store'));
    await work({
      store,
      context,
      directory,
      async build(lines, more = {}) {
        let output = '';
        await writeFile(join(context, 'Kubefile'), `${BASE}${lines}`);
        const onOutput = (text: string) => {
          output += text;
        };
        await buildImage(store, { context, names: ['localhost/x:1'], environment: {}, onOutput, ...more });
        return output;
      },
      async text(path) {
        const files = await readFiles(store, await openImage(store, REF), (file) => file.path === path);
        return files.get(path)?.toString();
      },
    });
  });
}
