import * as fs from 'node:fs';
import { join } from 'node:path';
import { badInput } from './error.ts';
import { shownName } from './shown-name.ts';

/** A directory seen as `/`: paths of strangers are resolved in it and never lead out. */
export interface Root {
  /** Where an entry of this path is to be put: its parents are followed through links inside the root, and made where missing. */
  place(path: string): string;
  /** Where the path is, its last part not followed; undefined when a parent is missing. */
  find(path: string): string | undefined;
  /** Call it when something was removed or replaced: what is known about directories may be wrong from then on. */
  forget(): void;
}

const LINK_LIMIT = 40; // as the kernel's (path_resolution(7))

export function openRoot(root: string): Root {
  const known = new Map<string, string>();

  const parentOf = (path: string, make: boolean): string | undefined => {
    const parent = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '';
    const before = known.get(parent);
    if (before !== undefined) return before;
    const found = walk(root, parent, path, make);
    if (found !== undefined) known.set(parent, found);
    return found;
  };
  const nameOf = (path: string): string => {
    const parts = path.split('/');
    if (path === '' || parts.includes('..'))
      throw badInput('bad-archive', `the image has the name '${shownName(path)}', which leads out of its root`);
    return parts.at(-1) ?? '';
  };
  return {
    place(path) {
      const name = nameOf(path);
      return join(parentOf(path, true) ?? root, name);
    },
    find(path) {
      if (path === '') return root;
      const name = nameOf(path);
      const parent = parentOf(path, false);
      return parent === undefined ? undefined : join(parent, name);
    },
    forget: () => known.clear(),
  };
}

// `..` and absolute targets of links stop at the root, as they do for a process whose root directory it is.
function walk(root: string, directory: string, entry: string, make: boolean): string | undefined {
  const todo = directory.split('/').filter(Boolean);
  let at: string[] = [];
  let links = 0;
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === '.') continue;
    if (part === '..') {
      at.pop();
      continue;
    }
    const path = join(root, ...at, part);
    const stat = fs.lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) {
      if (!make) return undefined;
      fs.mkdirSync(path, { mode: 0o755 });
    } else if (stat.isSymbolicLink()) {
      if (++links > LINK_LIMIT) throw badInput('bad-archive', `'${shownName(entry)}' lies behind links that lead in a circle`);
      const target = fs.readlinkSync(path);
      if (target.startsWith('/')) at = [];
      todo.unshift(...target.split('/').filter(Boolean));
      continue;
    } else if (!stat.isDirectory()) {
      if (!make) return undefined;
      throw badInput('bad-archive', `'${shownName(entry)}' lies below '${shownName([...at, part].join('/'))}', which is not a directory`);
    }
    at.push(part);
  }
  return join(root, ...at);
}
