import { access, constants, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { SealosError } from '../error.ts';
import type { BuildStep } from '../kubefile/evaluate.ts';
import { lineError } from '../kubefile/kubefile-error.ts';
import { entryOf } from '../layer-entries.ts';
import { type ImageFiles, type ImagePath, openImageFiles } from './image-files.ts';
import { type OwnerIds, type OwnerNames, ownerIds } from './owner-names.ts';
import type { PlannedEntry, PlannedLayer } from './planned-entry.ts';
import { type Context, findSource, type SourceItem } from './source.ts';

export interface PlanOptions {
  /** How errors call the build file. */
  readonly name: string;
  readonly context: Context;
  /** What the base image holds. */
  readonly base: ReadonlyMap<string, ImagePath>;
  readonly owners: OwnerNames;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Finds all that COPY, WORKDIR and VOLUME add to the image, one layer for each COPY. Only looks: files are read when the layers are
 * written. Follows buildah; but several files that one pattern matches make the destination a directory. Throws `bad-kubefile`.
 */
export async function planLayers(steps: readonly BuildStep[], options: PlanOptions): Promise<readonly PlannedLayer[]> {
  const files = openImageFiles(options.base);
  const layers: PlannedLayer[] = [];
  let draft = new Draft(files);
  let last: BuildStep | undefined;
  for (const step of steps) {
    options.signal?.throwIfAborted();
    const refuse = (why: string) => lineError(options.name, step.line, why);
    if (step.kind === 'directory') {
      const owner = ownerOf(step.owner, options.owners, refuse);
      // A directory that WORKDIR or VOLUME names comes with the next layer.
      draft.makeDirectory(files.resolve(step.path), owner);
      last = step;
    }
    if (step.kind !== 'copy') continue;
    await copy(step, draft, options, refuse);
    layers.push({ line: step.line, text: step.text, entries: draft.entries });
    draft = new Draft(files);
  }
  if (draft.entries.size > 0 && last !== undefined) layers.push({ line: last.line, text: last.text, entries: draft.entries });
  return layers;
}

type Refuse = (why: string) => SealosError;

const ROOT: OwnerIds = { uid: 0, gid: 0 };

function ownerOf(text: string | undefined, names: OwnerNames, refuse: Refuse): OwnerIds {
  if (text === undefined) return ROOT;
  const ids = ownerIds(text, names);
  if (typeof ids === 'string') throw refuse(ids);
  return ids;
}

/** One layer while it is planned. */
class Draft {
  readonly entries = new Map<string, PlannedEntry>();
  readonly files: ImageFiles;

  constructor(files: ImageFiles) {
    this.files = files;
  }

  /** Adds or replaces an entry; what was below a directory that becomes something else goes. */
  put(planned: PlannedEntry): void {
    const { path, type } = planned.entry;
    if (type !== 'directory' && this.files.get(path)?.type === 'directory') {
      for (const known of this.entries.keys()) if (known.startsWith(`${path}/`)) this.entries.delete(known);
    }
    this.entries.set(path, planned);
    this.files.put(path, planned.entry);
  }

  /** Makes a directory with all that lead to it, unless they are there. */
  makeDirectory(path: string, owner: OwnerIds): void {
    const parts = path.split('/').filter((part) => part !== '');
    for (const depth of parts.keys()) {
      const here = parts.slice(0, depth + 1).join('/');
      if (this.files.get(here) !== undefined) continue;
      this.put({ entry: { path: here, type: 'directory', mode: 0o755, ...owner, size: 0 } });
    }
  }
}

async function copy(step: BuildStep & { readonly kind: 'copy' }, draft: Draft, options: PlanOptions, refuse: Refuse): Promise<void> {
  const owner = ownerOf(step.chown, options.owners, refuse);
  const items: SourceItem[] = [];
  for (const source of step.sources) {
    const found = await findSource(options.context, source);
    if (typeof found === 'string') throw refuse(`COPY ${found}`);
    items.push(...found);
  }
  const { files } = draft;
  const named = step.destination.slice(1).replace(/\/$/, '');
  const target = files.resolve(named);
  const existing = files.get(target)?.type;
  const [only] = items;
  const intoDirectory = step.destination.endsWith('/') || items.length > 1 || only?.kind === 'directory' || existing === 'directory';
  if (intoDirectory && existing !== undefined && existing !== 'directory')
    throw refuse(`COPY to ${step.destination}: this is a file in the image, not a directory`);
  const slash = named.lastIndexOf('/');
  const directory = intoDirectory ? target : files.resolve(named.slice(0, Math.max(slash, 0)));
  const above = blockedBy(files, directory);
  if (above !== undefined) throw refuse(`COPY to ${step.destination}: /${above} is a file in the image, not a directory`);
  draft.makeDirectory(directory, owner);
  const place: Place = { draft, owner, mode: step.chmod, options, refuse };
  for (const [index, item] of items.entries()) {
    const fileName = intoDirectory ? (item.name.split('/').at(-1) ?? '') : named.slice(slash + 1);
    if (item.kind === 'directory') await walk(item.path, item.name, directory, { ...place, group: `${step.line}:${index}` });
    else await put(item.path, joined(directory, fileName), place);
  }
}

interface Place {
  readonly draft: Draft;
  readonly owner: OwnerIds;
  readonly mode: number | undefined;
  readonly options: PlanOptions;
  readonly refuse: Refuse;
  /** Names of one file are hard links when they were copied with one directory. */
  readonly group?: string;
}

async function walk(from: string, name: string, to: string, place: Place): Promise<void> {
  place.options.signal?.throwIfAborted();
  const { ignored } = place.options.context;
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const inner = joined(name, entry.name);
    const [source, target] = [join(from, entry.name), joined(to, entry.name)];
    if (entry.name.includes('\ufffd')) throw place.refuse(`COPY cannot take '${inner}': its name is not UTF-8`);
    const leftOut = ignored.ignores(inner);
    if (leftOut && !(entry.isDirectory() && ignored.hasExceptions)) continue;
    // A directory that is left out itself comes back with the first exception inside.
    if (!leftOut) await put(source, target, place);
    if (entry.isDirectory()) await walk(source, inner, target, place);
  }
}

async function put(source: string, target: string, place: Place): Promise<void> {
  const { draft, owner, group } = place;
  const stat = group === undefined ? undefined : await lstat(source);
  const entry = await entryOf(source, target, { ...owner, mode: place.mode });
  if (entry === undefined) return;
  if (entry.type === 'file' && process.geteuid?.() !== 0) await requireReadable(source, place);
  draft.makeDirectory(target.split('/').slice(0, -1).join('/'), owner);
  // Programs that run as another user are not made by copying: buildah drops these bits too.
  const mode = place.mode === undefined ? entry.mode & ~0o6000 : entry.mode;
  const isShared = entry.type === 'file' && stat !== undefined && stat.nlink > 1;
  draft.put({ entry: { ...entry, mode }, file: isShared ? `${group}:${stat.dev}:${stat.ino}` : undefined });
}

async function requireReadable(source: string, place: Place): Promise<void> {
  await access(source, constants.R_OK).catch(() => {
    throw place.refuse(`COPY cannot read ${source}: no permission`);
  });
}

function joined(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

function blockedBy(files: ImageFiles, path: string): string | undefined {
  const parts = path.split('/');
  return parts
    .map((_, depth) => parts.slice(0, depth + 1).join('/'))
    .find((here) => here !== '' && files.get(here) !== undefined && files.get(here)?.type !== 'directory');
}
