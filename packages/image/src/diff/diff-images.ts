import type { ContentOptions } from '../content.ts';
import { followHardlink, type ImageFile, listFiles } from '../files.ts';
import type { Image } from '../image.ts';
import type { Store } from '../store.ts';
import type { TarType } from '../tar.ts';
import { contentHashes, placeOf } from './content-hashes.ts';

/** One path that two images do not have alike. */
export interface FileChange {
  readonly path: string;
  readonly change: 'added' | 'changed' | 'deleted';
  /** In the second image; of what is deleted, in the first. Further names of a file are files. */
  readonly type: TarType;
  /** Bytes there; 0 for all but files. */
  readonly size: number;
  /** Of a changed one: bytes in the first image. */
  readonly oldSize?: number;
  /** Of a changed one: in what the two differ. Times alone make no difference. */
  readonly differs?: readonly ('type' | 'content' | 'mode' | 'owner' | 'target')[];
}

interface Visible {
  readonly image: Image;
  readonly files: ReadonlyMap<string, ImageFile>;
}

/**
 * What the second image shows otherwise than the first, sorted by path, whiteouts applied. Contents are compared by hash where sizes
 * are equal and the layer is not the same; only layers with such files are read, in constant memory.
 */
export async function diffImages(store: Store, from: Image, to: Image, options: ContentOptions = {}): Promise<readonly FileChange[]> {
  const before: Visible = { image: from, files: await listFiles(store, from, options) };
  const after: Visible = { image: to, files: await listFiles(store, to, options) };
  const pairs: { readonly old: ImageFile; readonly file: ImageFile }[] = [];
  for (const [path, file] of after.files) {
    const old = before.files.get(path);
    if (old !== undefined && mayDiffer(before, after, old, file)) pairs.push({ old: holderOf(before, old), file: holderOf(after, file) });
  }
  const oldHashes = await contentHashes(
    store,
    from,
    pairs.map(({ old }) => old),
    options,
  );
  const hashes = await contentHashes(
    store,
    to,
    pairs.map(({ file }) => file),
    options,
  );
  const hasOtherContent = (old: ImageFile, file: ImageFile): boolean => {
    if (old.size !== file.size) return true;
    return oldHashes.get(placeOf(old)) !== hashes.get(placeOf(file)) && !isSamePlace(before, after, old, file);
  };
  const changes: FileChange[] = [];
  for (const [path, own] of after.files) {
    const file = holderOf(after, own);
    const known = before.files.get(path);
    if (known === undefined) {
      changes.push({ path, change: 'added', type: file.type, size: file.size });
      continue;
    }
    const old = holderOf(before, known);
    const hasOtherType = old.type !== file.type;
    const differs: NonNullable<FileChange['differs']> = [
      ...(hasOtherType ? (['type'] as const) : []),
      ...(!hasOtherType && file.type === 'file' && hasOtherContent(old, file) ? (['content'] as const) : []),
      ...(hasOtherType || old.mode === file.mode || file.type === 'symlink' ? [] : (['mode'] as const)),
      ...(old.uid === file.uid && old.gid === file.gid ? [] : (['owner'] as const)),
      ...(hasOtherType || targetOf(old) === targetOf(file) ? [] : (['target'] as const)),
    ];
    if (differs.length > 0) changes.push({ path, change: 'changed', type: file.type, size: file.size, oldSize: old.size, differs });
  }
  for (const [path, own] of before.files) {
    const { type, size } = holderOf(before, own);
    if (!after.files.has(path)) changes.push({ path, change: 'deleted', type, size });
  }
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function holderOf({ files }: Visible, file: ImageFile): ImageFile {
  return file.type === 'hardlink' ? followHardlink(files, file) : file;
}

function mayDiffer(before: Visible, after: Visible, known: ImageFile, own: ImageFile): boolean {
  const [old, file] = [holderOf(before, known), holderOf(after, own)];
  return old.type === 'file' && file.type === 'file' && old.size === file.size && file.size > 0 && !isSamePlace(before, after, old, file);
}

function isSamePlace(before: Visible, after: Visible, old: ImageFile, file: ImageFile): boolean {
  if (old.size === 0 && file.size === 0) return true;
  return old.offset === file.offset && before.image.layers[old.layer]?.digest === after.image.layers[file.layer]?.digest;
}

// Where a symlink points, or which device it is.
function targetOf({ type, linkname, device }: ImageFile): string | undefined {
  if (type === 'symlink') return linkname;
  return device === undefined ? undefined : `${device.major}:${device.minor}`;
}
