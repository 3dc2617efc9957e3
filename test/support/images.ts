// Small images for tests, made of entries in memory.
import { randomBytes } from 'node:crypto';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Compression,
  type Descriptor,
  OCI_CONFIG,
  OCI_MANIFEST,
  parseReference,
  type Store,
  type TarEntry,
  writeLayer,
} from '../../packages/image/src/index.ts';

/** Runs `work` with a new directory that is removed afterwards. No upper case in its name: buildah takes paths for image names. */
export function withDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  return withDirectoryIn(tmpdir(), work);
}

/** The same in memory where there is some: buildah waits for the disk at every file, hundreds of times in a test of hundreds of builds. */
export async function withDirectoryInMemory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const memory = await statfs('/dev/shm').catch(() => undefined);
  const isEnough = memory !== undefined && memory.bavail * memory.bsize >= 2 ** 30;
  return withDirectoryIn(isEnough ? '/dev/shm' : tmpdir(), work);
}

async function withDirectoryIn<T>(parent: string, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = join(parent, `sealos-test-${randomBytes(6).toString('hex')}`);
  await mkdir(directory, { mode: 0o700 });
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

const MTIME = 1_600_000_000;

export function file(path: string, text = '', more: Partial<TarEntry> = {}): TarEntry {
  const content = Buffer.from(text);
  return { path, type: 'file', mode: 0o644, uid: 0, gid: 0, mtime: MTIME, size: content.length, content, ...more };
}

export function directory(path: string, more: Partial<TarEntry> = {}): TarEntry {
  return { path, type: 'directory', mode: 0o755, uid: 0, gid: 0, mtime: MTIME, size: 0, ...more };
}

export function symlink(path: string, linkname: string): TarEntry {
  return { path, type: 'symlink', mode: 0o777, uid: 0, gid: 0, mtime: MTIME, size: 0, linkname };
}

export function hardlink(path: string, linkname: string, more: Partial<TarEntry> = {}): TarEntry {
  return { path, type: 'hardlink', mode: 0o644, uid: 0, gid: 0, mtime: MTIME, size: 0, linkname, ...more };
}

/** Every kind of entry that has to survive a journey: odd modes, owners, times, links, long and non-ASCII names, nothing and much inside. */
export function variedEntries(): readonly TarEntry[] {
  const long = `${'directory-with-a-long-name/'.repeat(12)}file-with-a-long-name-${'x'.repeat(60)}`;
  const parents = long.split('/').slice(0, -1);
  return [
    directory('bin', { mode: 0o755 }),
    file('bin/run', '#!/bin/sh\necho hi\n', { mode: 0o755 }),
    file('bin/setuid', 'x', { mode: 0o4755 }),
    hardlink('bin/run-again', 'bin/run', { mode: 0o755 }),
    symlink('bin/sh', 'run'),
    ...parents.map((_, depth) => directory(parents.slice(0, depth + 1).join('/'))),
    file(long, 'deep'),
    directory('empty', { mode: 0o700, uid: 1000, gid: 2000, mtime: 1 }),
    directory('etc'),
    file('etc/größe-日本語.txt', 'grüße'),
    symlink('etc/dangling', '/does/not/exist'),
    file('owned', 'by someone', { uid: 1234, gid: 5678, mode: 0o640, mtime: 1_234_567_890 }),
    directory('sticky', { mode: 0o1777 }),
    file('zeros', '\0'.repeat(3_000_000)),
  ];
}

export interface MadeImage {
  readonly name?: string;
  readonly layers: readonly (readonly TarEntry[])[];
  readonly compression?: Compression;
  readonly architecture?: string;
  readonly config?: object;
}

/** Writes an image into the store and names it (default `localhost/test:1`); returns its manifest's descriptor. */
export async function makeImage(store: Store, image: MadeImage): Promise<Descriptor> {
  const layers: Descriptor[] = [];
  const diffIds: string[] = [];
  for (const entries of image.layers) {
    const layer = await writeLayer(store, entries, { compression: image.compression });
    layers.push(layer.descriptor);
    diffIds.push(layer.diffId);
  }
  const config = await store.writeBytes(
    JSON.stringify({
      architecture: image.architecture ?? 'amd64',
      os: 'linux',
      config: image.config ?? {},
      rootfs: { type: 'layers', diff_ids: diffIds },
      history: diffIds.map(() => ({ created_by: 'test' })),
    }),
    OCI_CONFIG,
  );
  const manifest = await store.writeBytes(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers }), OCI_MANIFEST);
  await store.tag(parseReference(image.name ?? 'localhost/test:1'), manifest);
  return manifest;
}
