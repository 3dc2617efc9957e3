import { createHash } from 'node:crypto';
import type { TarEntry, TarHeader } from '../tar.ts';

/** An entry of a layer to be written, with what is needed to find hard links. */
export interface PlannedEntry {
  /** Without `mtime` for directories that are made on the way: they get the layer's. */
  readonly entry: Omit<TarEntry, 'mtime'> & { readonly mtime?: number };
  /** The same for all names of one file that were copied together. */
  readonly file?: string | undefined;
  /** Tells a file's content without reading it; undefined: nobody can know it again. */
  readonly identity?: string | undefined;
}

/** An archive that ADD unpacks: what becomes of its entries, in their order; undefined for those that are left out. */
export interface PlannedArchive {
  readonly path: string;
  readonly identity: string;
  readonly headers: readonly (TarHeader | undefined)[];
  readonly bytes: number;
}

/** The path of saved images in a cluster image. They are compressed already. */
const REGISTRY = 'registry';

/** What one instruction adds to the image. */
export interface PlannedLayer {
  /** The instruction's place among the stage's steps. */
  readonly step: number;
  readonly line: number;
  readonly text: string;
  /** By path. */
  readonly entries: ReadonlyMap<string, PlannedEntry>;
  /** Unpacked behind the entries. */
  readonly archives: readonly PlannedArchive[];
  /** When a file was changed last, in nanoseconds since 1970 (its ctime). */
  readonly changed: bigint;
}

/** A layer's entries, in the order in which they are written. */
export interface LayerContent {
  readonly entries: readonly TarEntry[];
  /** Bytes of all files. */
  readonly bytes: number;
  /** Of the newest entry, in seconds; 0 when there is none. */
  readonly newest: number;
  /** Says what the layer will be; undefined when that cannot be known without writing it. */
  readonly identity: string | undefined;
}

// A file of this many bytes is worth a layer of its own: it is not compressed, sent and stored again when something beside it changes.
const BIG = 16 * 1024 * 1024;
// Every layer is a request to a registry, and some programs take no more than 127 of them.
const MOST_BIG = 8;

/**
 * Makes the entries of a plan into those of layers, in their order: all but the biggest files, each of these, and what lies in `registry/`,
 * since it is compressed already. Its times are 1970, so that the same saved images are the same layer whenever and wherever they were saved.
 */
export function layersOf(plan: PlannedLayer): {
  readonly main: LayerContent;
  readonly big: readonly LayerContent[];
  readonly registry: LayerContent;
} {
  const paths = [...plan.entries.keys()].sort((a, b) => (a < b ? -1 : 1));
  const isRegistry = (path: string) => path === REGISTRY || path.startsWith(`${REGISTRY}/`);
  const others = paths.filter((path) => !isRegistry(path));
  const big = bigFiles(plan, others);
  const newest = newestOf(plan, others);
  return {
    main: contentOf(
      plan,
      others.filter((path) => !big.includes(path)),
      newest,
    ),
    big: big.map((path) => contentOf(plan, [path], newest)),
    registry: contentOf(plan, paths.filter(isRegistry), newest, 0),
  };
}

function bigFiles(plan: PlannedLayer, paths: readonly string[]): readonly string[] {
  // An archive that is unpacked behind the files may hold the same names.
  if (plan.archives.length > 0) return [];
  const sizeOf = (path: string) => plan.entries.get(path)?.entry.size ?? 0;
  // Names of one file have to be in one layer.
  const big = paths.filter((path) => sizeOf(path) >= BIG && plan.entries.get(path)?.file === undefined);
  const files = paths.filter((path) => plan.entries.get(path)?.entry.type !== 'directory');
  if (big.length === files.length && big.length === 1) return [];
  return [...big]
    .sort((a, b) => sizeOf(b) - sizeOf(a) || (a < b ? -1 : 1))
    .slice(0, MOST_BIG)
    .sort();
}

function newestOf(plan: PlannedLayer, paths: readonly string[]): number {
  return paths.reduce((latest, path) => Math.max(latest, plan.entries.get(path)?.entry.mtime ?? 0), 0);
}

/** `newest` is for directories that are made on the way; `time`, when given, is everything's. */
function contentOf(plan: PlannedLayer, paths: readonly string[], newest: number, time?: number): LayerContent {
  const planned = paths.flatMap((path) => plan.entries.get(path) ?? []);
  const firstNames = new Map<string, string>();
  const entries = planned.map(({ entry, file }): TarEntry => {
    const whole = { ...entry, mtime: time ?? entry.mtime ?? newest };
    if (file === undefined) return whole;
    const first = firstNames.get(file);
    if (first === undefined) {
      firstNames.set(file, entry.path);
      return whole;
    }
    const { content: _, ...header } = whole;
    return { ...header, type: 'hardlink', size: 0, linkname: first };
  });
  const bytes = entries.reduce((sum, { size }) => sum + size, 0);
  return { entries, bytes, newest: time ?? newest, identity: identityOf(entries, planned) };
}

// The same headers with the same contents are the same tar.
function identityOf(entries: readonly TarEntry[], planned: readonly PlannedEntry[]): string | undefined {
  const hash = createHash('sha256');
  for (const [index, { content, ...header }] of entries.entries()) {
    const known = content === undefined ? '' : planned[index]?.identity;
    if (known === undefined) return undefined;
    hash.update(`${JSON.stringify(header)}\0${known}\n`);
  }
  return hash.digest('hex');
}
