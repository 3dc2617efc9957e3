import { createHash } from 'node:crypto';
import { accessSync, constants } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import dockerignore from '@balena/dockerignore';
import type { SealosError } from '../error.ts';
import type { CopyStep } from '../kubefile/build-step.ts';
import { contextEntry } from './context-entry.ts';
import type { LayerDraft } from './layer-draft.ts';
import type { OwnerIds } from './owner-names.ts';
import { type Context, findSource, type SourceItem } from './source.ts';

export type Refuse = (why: string, hint?: string) => SealosError;

export interface CopyOptions {
  readonly context: Context;
  /** `--chown`; undefined: root, or what the files have that come out of an image. */
  readonly owner: OwnerIds | undefined;
  /** Files that are not in the context: what ADD fetched. */
  readonly fetched: readonly { readonly name: string; readonly path: string; readonly identity: string; readonly mtime: number }[];
  /** How many of its sources are archives, which are unpacked apart. */
  readonly archives: number;
  readonly refuse: Refuse;
  readonly signal?: AbortSignal | undefined;
}

const ROOT: OwnerIds = { uid: 0, gid: 0 };

/** Finds what the sources name. Throws `bad-kubefile`. */
export async function findSources(step: CopyStep, options: CopyOptions): Promise<readonly CopyItem[]> {
  const items: CopyItem[] = [];
  for (const source of step.sources) {
    const found = await findSource(options.context, source);
    if (typeof found === 'string') throw options.refuse(`${step.keyword} ${found}`);
    const left = leftOutBy(step.excludes);
    for (const item of found) {
      const base = item.name.split('/').at(-1) ?? '';
      if (item.kind === 'file' && left(base)) continue;
      items.push({ ...item, parents: step.parents ? keptParents(source, item) : '' });
    }
  }
  return items;
}

/** A source's item, with the directories that `--parents` keeps. */
export interface CopyItem extends SourceItem {
  readonly parents: string;
}

// Dockerfile reference, COPY --parents: all directories of the name are kept, or those behind `/./`.
function keptParents(source: string, item: SourceItem): string {
  const pivot = source.indexOf('/./');
  const before =
    pivot < 0
      ? 0
      : source
          .slice(0, pivot)
          .split('/')
          .filter((part) => part !== '' && part !== '.').length;
  const parts = item.name.split('/').filter((part) => part !== '');
  return parts.slice(before, item.kind === 'directory' ? undefined : -1).join('/');
}

function leftOutBy(excludes: readonly string[] | undefined): (path: string) => boolean {
  if (excludes === undefined || excludes.length === 0) return () => false;
  const patterns = dockerignore.default().add([...excludes]);
  return (path) => path !== '' && patterns.ignores(path);
}

/**
 * Adds to a layer what COPY or ADD copies. Follows buildah; but several files that one pattern matches make the destination a
 * directory. Throws `bad-kubefile`.
 */
export async function planCopy(step: CopyStep, items: readonly CopyItem[], draft: LayerDraft, options: CopyOptions): Promise<void> {
  const { refuse, fetched, context } = options;
  const owner = options.owner ?? ROOT;
  const count = items.length + step.documents.length + fetched.length + options.archives;
  const { directory, intoDirectory, name } = destinationOf(step, draft, count, count === 1 && items[0]?.kind === 'directory', refuse);
  draft.makeDirectory(directory, owner, step.link);
  const place: Place = { draft, owner: options.owner, mode: step.chmod, options, left: leftOutBy(step.excludes), keyword: step.keyword };
  for (const [index, item] of items.entries()) {
    const target = joined(directory, item.parents);
    if (item.parents !== '') draft.makeDirectory(target, owner);
    const fileName = intoDirectory || item.parents !== '' ? (item.name.split('/').at(-1) ?? '') : name;
    const inside = item.path.slice(context.root.length + 1);
    if (item.kind === 'directory') await walk(item.path, item.name, target, { ...place, group: `${index}`, inside, within: '' });
    else putFile(item.path, joined(target, fileName), { ...place, inside });
  }
  for (const { name: document, content } of step.documents) {
    const bytes = Buffer.from(content);
    const path = joined(directory, intoDirectory ? document : name);
    draft.put({
      entry: {
        path,
        type: 'file',
        mode: step.chmod ?? 0o644,
        ...owner,
        size: bytes.length,
        ...(bytes.length > 0 ? { content: bytes } : {}),
      },
      identity: createHash('sha256').update(bytes).digest('hex'),
    });
  }
  for (const file of fetched) {
    const path = joined(directory, intoDirectory ? file.name : name);
    const found = contextEntry(file.path, path, { ...owner, mode: step.chmod ?? 0o600 });
    if (found !== undefined) draft.put({ entry: { ...found.entry, mtime: file.mtime }, identity: file.identity });
  }
}

// Where the destination really is: links in it are followed, unless --link says that what is there does not matter.
function destinationOf(step: CopyStep, draft: LayerDraft, count: number, isOneDirectory: boolean, refuse: Refuse) {
  const { files } = draft;
  const resolve = (path: string) => (step.link ? path : files.resolve(path));
  const named = step.destination.slice(1).replace(/\/$/, '');
  const target = resolve(named);
  const existing = step.link ? undefined : files.get(target)?.type;
  const intoDirectory = step.destination.endsWith('/') || count > 1 || isOneDirectory || existing === 'directory' || step.parents === true;
  if (intoDirectory && existing !== undefined && existing !== 'directory')
    throw refuse(`${step.keyword} to ${step.destination}: this is a file in the image, not a directory`);
  const slash = named.lastIndexOf('/');
  const directory = intoDirectory ? target : resolve(named.slice(0, Math.max(slash, 0)));
  const above = directory
    .split('/')
    .map((_, depth, parts) => parts.slice(0, depth + 1).join('/'))
    .find((here) => here !== '' && !step.link && files.get(here) !== undefined && files.get(here)?.type !== 'directory');
  if (above !== undefined) throw refuse(`${step.keyword} to ${step.destination}: /${above} is a file in the image, not a directory`);
  return { directory, intoDirectory, name: named.slice(slash + 1) };
}

interface Place {
  readonly draft: LayerDraft;
  readonly owner: OwnerIds | undefined;
  readonly mode: number | undefined;
  readonly options: CopyOptions;
  readonly left: (path: string) => boolean;
  readonly keyword: CopyStep['keyword'];
  /** Names of one file are hard links when they were copied with one directory. */
  readonly group?: string;
  /** The path in the context that the walk is at, links followed. */
  readonly inside?: string;
  /** The path below the directory that is copied. */
  readonly within?: string;
}

async function walk(from: string, name: string, to: string, place: Place): Promise<void> {
  place.options.signal?.throwIfAborted();
  const { ignored } = place.options.context;
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const inner = joined(name, entry.name);
    const [source, target] = [join(from, entry.name), joined(to, entry.name)];
    const below = { ...place, inside: joined(place.inside ?? '', entry.name), within: joined(place.within ?? '', entry.name) };
    if (entry.name.includes('\ufffd')) throw place.options.refuse(`${place.keyword} cannot take '${inner}': its name is not UTF-8`);
    if (place.left(below.within)) continue;
    const leftOut = ignored.ignores(inner);
    if (leftOut && !(entry.isDirectory() && ignored.hasExceptions)) continue;
    // A directory that is left out itself comes back with the first exception inside.
    if (!leftOut) putFile(source, target, below);
    if (entry.isDirectory()) await walk(source, inner, target, below);
  }
}

function putFile(source: string, target: string, place: Place): void {
  const { draft, group, options } = place;
  const { image } = options.context;
  const owner = place.owner ?? image?.ownerOf(place.inside ?? '') ?? ROOT;
  const found = contextEntry(source, target, { ...owner, mode: place.mode });
  if (found === undefined) return;
  const { entry } = found;
  if (entry.type === 'file' && process.geteuid?.() !== 0) requireReadable(source, place);
  draft.makeDirectory(target.split('/').slice(0, -1).join('/'), place.owner ?? ROOT);
  // Programs that run as another user are not made by copying from the context: buildah drops these bits too.
  const mode = place.mode === undefined && image === undefined ? entry.mode & ~0o6000 : entry.mode;
  const identity = image === undefined ? found.identity : `${image.identity}:${place.inside}`;
  if (image === undefined && found.changed > draft.changed) draft.changed = found.changed;
  const file = found.shared === undefined || group === undefined ? undefined : `${group}:${found.shared}`;
  draft.put({ entry: { ...entry, mode }, file, identity });
}

function requireReadable(source: string, place: Place): void {
  try {
    accessSync(source, constants.R_OK);
  } catch {
    throw place.options.refuse(`${place.keyword} cannot read ${source}: no permission`);
  }
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : name === '' ? directory : `${directory}/${name}`;
}
