import { randomBytes } from 'node:crypto';
import { chmodSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { syncDirectory } from '../atomic.ts';
import { diskError } from '../blob.ts';
import type { ContentOptions } from '../content.ts';
import { badInput } from '../error.ts';
import { type Image, openImage, platformOf } from '../image.ts';
import { withLock } from '../lock.ts';
import { formatPlatform, parsePlatform } from '../platform.ts';
import { familiarName, formatReference, parseReference } from '../reference.ts';
import type { Store } from '../store.ts';
import { unpackImage } from '../unpack.ts';
import { openRoot } from '../unpack-root.ts';
import { findTree, listTrees, type TreeRecord, treesOf, type WorkingTree } from './tree-record.ts';

/** A file to be put over an image's own; `path` is relative to the image's root. */
export interface AddedFile {
  readonly path: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
}

export interface MakeTreeOptions extends ContentOptions {
  /** Default: the image's last word and `-working-container`, with a number where that is taken. */
  readonly name?: string | undefined;
  /** Rendered templates, for example. */
  readonly files?: readonly AddedFile[] | undefined;
}

export interface MadeTree extends WorkingTree {
  /** Device nodes and pipes of the image, which are left out. */
  readonly skipped: readonly string[];
}

/**
 * Unpacks an image into a directory of the store. It has its place only when it is whole: what a killed process began is a temporary
 * directory that the next writer removes. Only its owner can enter it, as images have programs with setuid bits. Throws `name-in-use`,
 * `bad-name` (exit 2).
 */
export async function makeTree(store: Store, image: Image, options: MakeTreeOptions = {}): Promise<MadeTree> {
  const { name } = options;
  if (name !== undefined && !/^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,99}$/.test(name))
    throw badInput('bad-name', `'${name}' is not a container's name`, 'take letters, digits, dots, hyphens and underscores');
  if (name !== undefined) await refuseTaken(store, name);
  const staged = await stage(store, image, options);
  try {
    return await withLock(join(store.path, 'sealos', 'lock.trees'), async () => {
      if (name !== undefined) await refuseTaken(store, name);
      const record: TreeRecord = {
        id: randomBytes(6).toString('hex'),
        name: name ?? (await freeName(store, image)),
        image: formatReference(image.reference),
        digest: image.descriptor.digest,
        platform: formatPlatform(platformOf(image.config)),
        created: new Date().toISOString(),
      };
      await writeFile(join(staged.directory, 'tree.json'), `${JSON.stringify(record)}\n`, { flush: true });
      await mkdir(treesOf(store), { recursive: true, mode: 0o700 });
      await rename(staged.directory, join(treesOf(store), record.id));
      await syncDirectory(treesOf(store));
      return { ...record, root: join(treesOf(store), record.id, 'root'), isMounted: true, skipped: staged.skipped };
    });
  } catch (error) {
    await rm(staged.directory, { recursive: true, force: true });
    throw error;
  }
}

/** Unpacks a tree's image again after `unmountTree`; a tree that is there stays as it is. Throws `image-changed` (exit 2). */
export async function mountTree(store: Store, name: string, options: ContentOptions = {}): Promise<WorkingTree> {
  const tree = await findTree(store, name);
  if (tree.isMounted) return tree;
  const image = await openImage(store, parseReference(tree.image), { platform: parsePlatform(tree.platform), signal: options.signal });
  if (image.descriptor.digest !== tree.digest) {
    const shown = familiarName(image.reference);
    throw badInput(
      'image-changed',
      `${shown} is another image since ${tree.name} was made`,
      `remove it, and make one anew: sealos from ${shown}`,
    );
  }
  const staged = await stage(store, image, options);
  try {
    await rename(join(staged.directory, 'root'), tree.root);
  } finally {
    await rm(staged.directory, { recursive: true, force: true });
  }
  return { ...tree, isMounted: true };
}

/** Removes a tree's files; its name stays for `mountTree`. */
export async function unmountTree(store: Store, name: string): Promise<WorkingTree> {
  const tree = await findTree(store, name);
  if (tree.isMounted) await removeWhole(store, tree.root);
  return { ...tree, isMounted: false };
}

/** Removes a tree, files and name. */
export async function removeTree(store: Store, name: string): Promise<WorkingTree> {
  const tree = await findTree(store, name);
  await removeWhole(store, join(treesOf(store), tree.id));
  return { ...tree, isMounted: false };
}

async function stage(store: Store, image: Image, options: MakeTreeOptions) {
  const lease = await store.lease();
  const directory = join(lease.path, `tree-${lease.next()}`);
  try {
    await mkdir(directory, { mode: 0o700 });
    const { skipped } = await unpackImage(store, image, join(directory, 'root'), { signal: options.signal });
    for (const file of options.files ?? []) put(join(directory, 'root'), file);
    return { directory, skipped };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
    throw diskError(error, directory);
  }
}

// The image may have a link where the file goes, or on the way there: neither leads out.
function put(root: string, { path, content, mode }: AddedFile): void {
  const place = openRoot(root).place(path);
  rmSync(place, { recursive: true, force: true });
  writeFileSync(place, content, { flag: 'wx', mode });
  chmodSync(place, mode);
}

// Renamed first: nobody finds half of it.
async function removeWhole(store: Store, path: string): Promise<void> {
  const lease = await store.lease();
  const doomed = join(lease.path, `removed-${lease.next()}`);
  await rename(path, doomed);
  await rm(doomed, { recursive: true, force: true });
}

async function refuseTaken(store: Store, name: string): Promise<void> {
  if ((await listTrees(store)).some((tree) => tree.name === name))
    throw badInput('name-in-use', `there is a container '${name}' already`, `remove it with 'sealos rm ${name}'`);
}

async function freeName(store: Store, { reference }: Image): Promise<string> {
  const taken = new Set((await listTrees(store)).map(({ name }) => name));
  const base = `${reference.repository.split('/').at(-1)}-working-container`;
  let name = base;
  for (let number = 1; taken.has(name); number++) name = `${base}-${number}`;
  return name;
}
