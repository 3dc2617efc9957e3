import { join } from 'node:path';
import { formatReference, type Reference } from '../reference.ts';
import { readReference } from './reference-text.ts';
import { listLine } from './shim-lists.ts';
import { readTextFile } from './text-file.ts';

export const IGNORE_FILE = '.sealignore';

/**
 * What a context's `.sealignore` leaves out, one a line: an image's name with its tag (that tag, with or without a digest) or digest, a
 * name without either (all of its tags), or a pattern in which `*` stands for anything but a slash and `**` for anything.
 */
export async function readIgnoreList(
  context: string,
): Promise<{ readonly leavesOut: (reference: Reference) => boolean; readonly warnings: readonly string[] }> {
  const text = (await readTextFile(join(context, IGNORE_FILE)).catch(() => '')) ?? '';
  const tests: ((names: ReadonlySet<string>) => boolean)[] = [];
  const warnings: string[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const rule = listLine(line);
    if (rule === undefined) continue;
    const test = rule.includes('*') ? patternTest(rule) : nameTest(rule);
    if (test !== undefined) tests.push(test);
    else warnings.push(`${IGNORE_FILE}:${index + 1}: '${rule}' is not an image name, it leaves nothing out`);
  }
  return { leavesOut: (reference) => tests.length > 0 && tests.some((test) => test(namesOf(reference))), warnings };
}

/** The full name, and shorter ones that mean the same or more. */
function namesOf({ registry, repository, tag, digest }: Reference): ReadonlySet<string> {
  const names = [formatReference({ registry, repository })];
  if (tag !== undefined) names.push(formatReference({ registry, repository, tag }));
  if (digest !== undefined) names.push(formatReference({ registry, repository, digest }));
  if (tag !== undefined && digest !== undefined) names.push(formatReference({ registry, repository, tag, digest }));
  return new Set(names);
}

function nameTest(rule: string): ((names: ReadonlySet<string>) => boolean) | undefined {
  const reference = readReference(rule);
  if (reference === undefined) return undefined;
  const hasTag = rule.includes('@') || rule.lastIndexOf(':') > rule.lastIndexOf('/');
  const { registry, repository } = reference;
  const wanted = formatReference(hasTag ? reference : { registry, repository });
  return (names) => names.has(wanted);
}

function patternTest(rule: string): ((names: ReadonlySet<string>) => boolean) | undefined {
  if (!/^[\w.:@/*-]+$/.test(rule)) return undefined;
  const first = rule.split('/', 1)[0] ?? '';
  const isHost = rule.includes('/') && (first === 'localhost' || /[.:*]/.test(first));
  const whole = isHost ? rule : `docker.io/${rule.includes('/') ? '' : 'library/'}${rule}`;
  // Several stars in a row mean what two do; names are short, so the expression cannot take long.
  const source = whole.replace(/[.:@/-]/g, '\\$&').replace(/\*+/g, (stars) => (stars.length > 1 ? '.*' : '[^/]*'));
  const pattern = new RegExp(`^${source}$`);
  return (names) => [...names].some((name) => pattern.test(name));
}
