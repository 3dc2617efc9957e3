import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Located, locate } from './context-path.ts';
import { compilePattern, isPattern } from './glob.ts';
import type { Ignored } from './ignore-file.ts';

/** Where COPY takes files from: a directory, and what of it is left out. */
export interface Context {
  /** Its real path, without links. */
  readonly root: string;
  /** How errors call it. */
  readonly title: string;
  readonly ignored: Ignored;
  /** Set for the tree of an image or a stage: what is in it, so that its files need not be looked at to know them again. */
  readonly image?: {
    readonly identity: string;
    ownerOf(path: string): { readonly uid: number; readonly gid: number };
  };
}

/** One file or directory that a source of COPY names. */
export interface SourceItem {
  /** Its path in the context as the source names it, no slash at its beginning; empty for the context itself. */
  readonly name: string;
  /** Where it really is: links in the name are followed. */
  readonly path: string;
  readonly kind: 'file' | 'directory';
}

/**
 * What one source of COPY names: itself, or what matches its pattern, sorted. The context's ignore file is applied to files; of a
 * directory it is the walk's to apply. Returns a text that says what is wrong.
 */
export async function findSource(context: Context, source: string): Promise<readonly SourceItem[] | string> {
  const parts = source.split('/').filter((part) => part !== '' && part !== '.');
  let depth = 0;
  for (const part of parts) {
    depth += part === '..' ? -1 : 1;
    if (depth < 0 && context.image === undefined) return `'${source}' is outside of the context`;
  }
  const names = await expandGlob(context, parts);
  if (typeof names === 'string') return names;
  const items: SourceItem[] = [];
  let leftOut = 0;
  for (const name of names) {
    const item = await itemAt(context, name);
    if (typeof item === 'string') return item;
    if (item.kind === 'file' && context.ignored.ignores(name)) leftOut++;
    else items.push(item);
  }
  if (items.length > 0) return items;
  if (leftOut > 0) return `'${source}' is left out by ${context.ignored.file}`;
  return parts.some(isPattern) ? `nothing in ${context.title} matches '${source}'` : `'${source}' is not in ${context.title}`;
}

async function itemAt(context: Context, name: string): Promise<SourceItem | string> {
  const located = await locate(context.root, name, 'follow', context.image !== undefined);
  if (located.kind !== 'found') return whyNot(name, located, context.title);
  const stat = await lstat(located.path);
  if (stat.isDirectory()) return { name, path: located.path, kind: 'directory' };
  if (stat.isFile()) return { name, path: located.path, kind: 'file' };
  return `'${name}' is neither a file nor a directory`;
}

function whyNot(name: string, located: Exclude<Located, { kind: 'found' }>, place: string): string {
  return located.kind === 'outside' ? `'${name}' is a link that leads out of the context` : `'${name}' is not in ${place}`;
}

// Level by level; names without a pattern are taken as they are, so that they may be links and may lack.
async function expandGlob(context: Context, parts: readonly string[]): Promise<readonly string[] | string> {
  let names = [''];
  for (const [position, part] of parts.entries()) {
    const isLast = position === parts.length - 1;
    const next: string[] = [];
    for (const name of names) {
      if (part === '..') next.push(name.split('/').slice(0, -1).join('/'));
      else if (!isPattern(part)) next.push(...(await existing(context, join(name, part), isLast && names.length === 1)));
      else {
        const matches = compilePattern(part);
        if (matches === undefined) return `'${part}' is not a pattern that can be matched`;
        const located = await locate(context.root, name, 'follow', context.image !== undefined);
        const entries = located.kind === 'found' ? await readdir(located.path).catch(() => []) : [];
        next.push(...entries.filter(matches).map((entry) => join(name, entry)));
      }
    }
    names = next;
  }
  return names.sort((a, b) => (a < b ? -1 : 1));
}

// Behind a pattern, what lacks just does not match; else it is kept and reported by its name.
async function existing(context: Context, name: string, isOnly: boolean): Promise<readonly string[]> {
  if (isOnly) return [name];
  const located = await locate(context.root, name, 'keep', context.image !== undefined);
  return located.kind === 'missing' ? [] : [name];
}
