import { lstat, readlink } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';

/** Where a path of a context really is, or why it is nowhere. */
export type Located = { readonly kind: 'found'; readonly path: string } | { readonly kind: 'missing' } | { readonly kind: 'outside' };

const LINK_LIMIT = 40;

/**
 * Follows a path of a context link by link, so that nothing outside is ever reached: `..` above the context and links that lead out
 * (absolute ones too) are `outside`. `root` is the context's own real path; `last` says whether a link at the end is followed. In an
 * image's tree (`isImage`) nothing leads out: `..` and absolute links stop at its root, as they do for a process in it.
 */
export async function locate(root: string, path: string, last: 'follow' | 'keep' = 'follow', isImage = false): Promise<Located> {
  const queue = partsOf(path);
  let at: string[] = [];
  let links = 0;
  for (let part = queue.shift(); part !== undefined; part = queue.shift()) {
    if (part === '..') {
      if (at.pop() === undefined && !isImage) return { kind: 'outside' };
      continue;
    }
    const here = join(root, ...at, part);
    const stat = await lstat(here).catch(() => undefined);
    if (stat === undefined) return { kind: 'missing' };
    if (!stat.isSymbolicLink() || (last === 'keep' && queue.length === 0)) {
      at.push(part);
      continue;
    }
    links++;
    if (links > LINK_LIMIT) return { kind: 'missing' };
    const target = await readlink(here);
    if (isAbsolute(target)) {
      if (!isImage) return { kind: 'outside' };
      at = [];
    }
    queue.unshift(...partsOf(target));
  }
  return { kind: 'found', path: join(root, ...at) };
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
