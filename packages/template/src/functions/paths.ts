// sprig: slash-separated paths (Go's path package; on Linux path/filepath is the same).
import { type FunctionMap, fn, type GoFunction } from '../function.ts';

/** path.Clean. */
function cleanPath(path: string): string {
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!rooted) parts.push(part);
  }
  return (rooted ? '/' : '') + parts.join('/') || '.';
}

function base(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

function extension(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot);
}

const functions: Readonly<Record<'base' | 'dir' | 'clean' | 'ext' | 'isAbs', GoFunction>> = {
  base: fn(['string'], base),
  dir: fn(['string'], (path) => cleanPath(path.slice(0, path.lastIndexOf('/') + 1))),
  clean: fn(['string'], cleanPath),
  ext: fn(['string'], extension),
  isAbs: fn(['string'], (path) => path.startsWith('/')),
};

export const pathFunctions: FunctionMap = {
  ...functions,
  osBase: functions.base,
  osDir: functions.dir,
  osClean: functions.clean,
  osExt: functions.ext,
  osIsAbs: functions.isAbs,
};
