import { join } from 'node:path';
import { filesBelow } from './context-files.ts';
import type { Mention } from './mention.ts';
import { readTextFile } from './text-file.ts';

/** A line of a list of images: quotes, comments (whole lines, or behind a blank and `#`) and blank lines are no part of it. */
export function listLine(line: string): string | undefined {
  const text = line
    .replace(/^\s*#.*$|\s+#.*$/, '')
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2')
    .trim();
  return text === '' ? undefined : text;
}

/** The lists under `images/shim`: every file, one image a line. */
export async function readShimLists(context: string): Promise<readonly Mention[]> {
  const mentions: Mention[] = [];
  for (const file of await filesBelow(context, 'images/shim')) {
    const text = (await readTextFile(join(context, file))) ?? '';
    for (const [index, line] of text.split('\n').entries()) {
      const name = listLine(line);
      if (name !== undefined) mentions.push({ text: name, file, line: index + 1, certainty: 'named' });
    }
  }
  return mentions;
}
