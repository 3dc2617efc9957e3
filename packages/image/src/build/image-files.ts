import { whiteoutOf } from '../layer-files.ts';
import type { TarHeader } from '../tar.ts';

/** What is known of a path in the image that is being built. */
export interface ImagePath {
  readonly type: TarHeader['type'];
  readonly linkname?: string | undefined;
}

/** The paths of an image while it is built: enough to follow links and to know which directories are there. */
export interface ImageFiles {
  get(path: string): ImagePath | undefined;
  put(path: string, entry: ImagePath): void;
  /** Lays a layer over what is there: its whiteouts first, they are for what is below it. */
  apply(entries: readonly (ImagePath & { readonly path: string })[]): void;
  /** Follows all links of a path inside the image; what is not there yet stays as it is. No slash at the beginning or end. */
  resolve(path: string): string;
}

const LINK_LIMIT = 255;

/** Begins with what a base image holds, by path without slash at the beginning. */
export function openImageFiles(base: ReadonlyMap<string, ImagePath>): ImageFiles {
  const paths = new Map<string, ImagePath>();
  const put = (path: string, entry: ImagePath): void => {
    // Layers may leave out the directories that lead to a file.
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const parent = path.slice(0, slash);
      if (!paths.has(parent)) paths.set(parent, { type: 'directory' });
    }
    if (entry.type !== 'directory' && paths.get(path)?.type === 'directory') {
      removeBelow(path);
    }
    paths.set(path, entry);
  };
  const removeBelow = (path: string): void => {
    for (const known of paths.keys()) if (path === '' || known.startsWith(`${path}/`)) paths.delete(known);
  };
  for (const [path, { type, linkname }] of base) put(path, { type, linkname });
  return {
    get: (path) => (path === '' ? { type: 'directory' } : paths.get(path)),
    put,
    apply(entries) {
      for (const { path } of entries) {
        const whiteout = whiteoutOf(path);
        if (whiteout === undefined) continue;
        removeBelow(whiteout.path);
        if (!whiteout.opaque) paths.delete(whiteout.path);
      }
      for (const { path, type, linkname } of entries) if (path !== '' && whiteoutOf(path) === undefined) put(path, { type, linkname });
    },
    resolve(path) {
      const queue = path.split('/').filter((part) => part !== '' && part !== '.');
      let at: string[] = [];
      let links = 0;
      for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
        if (part === '..') {
          at.pop();
          continue;
        }
        const here = [...at, part].join('/');
        const found = paths.get(here);
        if (found?.type !== 'symlink' || links >= LINK_LIMIT) {
          at.push(part);
          continue;
        }
        links++;
        const target = found.linkname ?? '';
        if (target.startsWith('/')) at = [];
        queue.unshift(...target.split('/').filter((name) => name !== '' && name !== '.'));
      }
      return at.join('/');
    },
  };
}
