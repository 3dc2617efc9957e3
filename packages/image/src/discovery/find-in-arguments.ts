import { isUnmistakable, saysImage, shapeOf } from './reference-text.ts';

/** The images in a program's arguments: values of flags and settings that say image, and words that are image names beyond doubt. */
export function imagesInArguments(words: readonly string[], isScript = false): readonly string[] {
  const found: string[] = [];
  let flag = '';
  for (const word of words) {
    if (/\s/.test(word.trim())) {
      // A command line or a script: its words are arguments too.
      found.push(...imagesInArguments(wordsOf(word), true));
      flag = '';
      continue;
    }
    const [, name = '', value = ''] = /^(-{0,2}[A-Za-z][\w.-]*)=(.+)$/.exec(word.trim()) ?? [];
    if (name !== '') found.push(...imagesIn(value, name, isScript));
    else if (!word.startsWith('-')) found.push(...imagesIn(word.trim(), flag, isScript));
    flag = word.startsWith('-') && name === '' ? word : '';
  }
  return found;
}

function imagesIn(value: string, name: string, isScript: boolean): readonly string[] {
  const says = saysImage(name.replace(/^-+/, ''));
  return value
    .split(',')
    .map((part) => part.replace(/^["']|["';]$/g, ''))
    .filter((part) => {
      const shape = shapeOf(part);
      if (says !== undefined) return shape !== undefined && shape !== 'word';
      // In a script `a/b:v1` may be half of a sed command.
      return isUnmistakable(part) && (shape === 'full' || !isScript);
    });
}

/** Lines that are comments are not carried out. */
function wordsOf(script: string): readonly string[] {
  return script
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .flatMap((line) => line.split(/[\s;|&()<>]+/))
    .map((word) => word.replace(/^["']|["']$/g, ''))
    .filter((word) => word !== '');
}
