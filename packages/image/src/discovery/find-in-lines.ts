import type { Mention } from './mention.ts';
import { shapeOf } from './reference-text.ts';

const IMAGE_VALUE = /(?<![\w.-])["']?image["']?[ \t]{0,8}:[ \t]*(?:"([^"]*)"|'([^']*)'|([^\s#,}][^#,}]*))/;

/** `image:` values of a text that is no YAML, line by line; what a template fills in is passed over. */
export function findInLines(text: string, file: string, firstLine = 1): readonly Mention[] {
  return text.split('\n').flatMap((line, index): Mention[] => {
    const match = line.includes('image') ? IMAGE_VALUE.exec(line) : null;
    if (match === null || !isKeyPlace(line.slice(0, match.index).trim())) return [];
    const value = (match[1] ?? match[2] ?? match[3] ?? '').trim();
    const shape = value.includes('{{') ? undefined : shapeOf(value);
    if (shape === undefined) return [];
    return [{ text: value, file, line: firstLine + index, certainty: shape === 'word' ? 'seeming' : 'named' }];
  });
}

/** A key is first in its line or item, or in braces. */
function isKeyPlace(before: string): boolean {
  return before === '' || (!before.startsWith('#') && /[-{,]$/.test(before));
}
