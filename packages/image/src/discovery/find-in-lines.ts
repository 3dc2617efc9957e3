import type { Mention } from './mention.ts';
import { shapeOf } from './reference-text.ts';

/** `image:` values of a text that is no YAML, line by line; what a template fills in is passed over. */
export function findInLines(text: string, file: string, firstLine = 1): readonly Mention[] {
  return text.split('\n').flatMap((line, index): Mention[] => {
    if (line.trimStart().startsWith('#')) return [];
    const match = /^\s*(?:-\s+)?\{?\s*(?:[^{}]*,\s*)?["']?image["']?\s*:\s*(?:"([^"]*)"|'([^']*)'|([^\s#,}][^#,}]*))/.exec(line);
    const value = (match?.[1] ?? match?.[2] ?? match?.[3] ?? '').trim();
    const shape = value.includes('{{') ? undefined : shapeOf(value);
    if (shape === undefined) return [];
    return [{ text: value, file, line: firstLine + index, certainty: shape === 'word' ? 'seeming' : 'named' }];
  });
}
