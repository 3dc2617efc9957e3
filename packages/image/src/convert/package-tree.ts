import { lstat, readdir, readlink, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { normalize } from 'node:path/posix';
import type { Readable } from 'node:stream';
import { openArchiveInput } from '../archive-input.ts';
import { badInput, SealosError } from '../error.ts';
import { shownName } from '../shown-name.ts';
import { readTar } from '../tar-read.ts';
import { openTree } from '../unpack-tree.ts';

/** What an offline package may unpack to; the biggest that were published have about 3 GiB in a few thousand files. */
export interface PackageLimits {
  readonly bytes: number;
  readonly entries: number;
}

export const PACKAGE_LIMITS: PackageLimits = { bytes: 64 * 1024 ** 3, entries: 200_000 };

export interface UnpackPackageOptions {
  readonly limits: PackageLimits;
  /** Read in place of the file. */
  readonly input?: Readable | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Unpacks an offline package (tar, plain, gzip or zstd; its files at the top or in one directory, as `kube/`) into a new directory.
 * Nothing of it reaches outside: names with `..` and links that lead out are refused, devices and pipes and setuid bits are left out.
 * Throws `archive-not-found`, `bad-archive`, `bad-package` (exit 2).
 */
export async function unpackPackage(path: string, directory: string, { limits, input, signal }: UnpackPackageOptions): Promise<void> {
  await using archive = await (input === undefined ? openArchiveInput(path, signal) : openArchiveInput('-', signal, input));
  const tree = openTree(directory, { owners: false });
  let bytes = 0;
  let entries = 0;
  for await (const item of readTar(archive.input)) {
    signal?.throwIfAborted();
    bytes += item.header.size;
    entries++;
    if (bytes > limits.bytes || entries > limits.entries) {
      const most = `${limits.entries} files and ${Math.floor(limits.bytes / 1024 ** 2)} MiB`;
      throw badInput('bad-package', `${path} holds more than an offline package can be (${most})`);
    }
    await tree.put({ ...item, header: { ...item.header, mode: item.header.mode & 0o777 } });
  }
  tree.finish();
  await liftOut(directory);
  await refuseLinksOut(directory, '');
  for (const name of ['conf', 'cri', 'etc']) {
    const found = await lstat(join(directory, name)).catch(() => undefined);
    if (found !== undefined && !found.isDirectory()) throw badInput('bad-package', `${name} in ${path} is no directory`);
  }
  for (const name of ['bin', 'images', 'shell']) {
    const found = await lstat(join(directory, name)).catch(() => undefined);
    if (found?.isDirectory()) continue;
    throw badInput(
      'bad-package',
      `${path} is no offline package of Kubernetes: it has no directory ${name}`,
      'it holds bin, conf, images and shell',
    );
  }
}

/** Where all lies in one directory, that takes the place of the root. */
async function liftOut(directory: string): Promise<void> {
  const [only, ...others] = await readdir(directory, { withFileTypes: true });
  if (only === undefined || others.length > 0 || !only.isDirectory() || only.name === 'bin') return;
  const inner = `${directory}.inner`;
  await rename(join(directory, only.name), inner);
  await rm(directory, { recursive: true });
  await rename(inner, directory);
}

/** A script that follows such a link on a host, where it runs as root, would change something that is not the package's. */
async function refuseLinksOut(root: string, path: string): Promise<void> {
  for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
    const inside = path === '' ? entry.name : `${path}/${entry.name}`;
    if (entry.isDirectory()) await refuseLinksOut(root, inside);
    if (!entry.isSymbolicLink()) continue;
    const target = await readlink(join(root, inside));
    if (target.startsWith('/') || normalize(`${path}/${target}`.replace(/^\//, '')).split('/')[0] === '..')
      throw badInput('bad-package', `'${shownName(inside)}' in the package is a link to '${shownName(target)}', which is outside of it`);
  }
}

/** What is wrong with an archive in a package is said of the package. */
export function inPackage(path: string, name: string, error: unknown): unknown {
  if (!(error instanceof SealosError) || error.exitCode !== 2) return error;
  return badInput('bad-package', `${path}: ${name} in it is no archive of container images: ${error.message}`);
}
