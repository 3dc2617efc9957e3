import type { Discovery } from '@sealos/image';
import { formatTable } from './output.ts';

/** Prints what a context needs: a table, names alone (`--quiet`), or JSON. Warnings go to stderr, and are part of the JSON too. */
export async function printImageList(
  { images, archives, warnings }: Discovery,
  options: { readonly output?: 'json'; readonly quiet?: boolean },
): Promise<void> {
  const { ARCHIVE_LIST, familiarName, formatPlace, formatReference } = await import('@sealos/image/builder');
  if (options.output === 'json') {
    const listed = images.map(({ reference, from, isGuess, where }) => ({
      image: formatReference(reference),
      from,
      guess: isGuess,
      where,
    }));
    const files = archives.map(({ reference, path, line }) => ({
      image: formatReference(reference),
      from: 'archive',
      guess: false,
      archive: path,
      where: [{ file: ARCHIVE_LIST, line }],
    }));
    console.log(JSON.stringify({ images: [...listed, ...files], warnings }, undefined, 2));
    return;
  }
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  const rows = [
    ...images.map(({ reference, from, isGuess, where }) => [
      familiarName(reference),
      isGuess ? 'a guess' : from,
      where.map(formatPlace).join(', '),
    ]),
    ...archives.map(({ reference, path, line }) => [familiarName(reference), path, `${ARCHIVE_LIST}:${line}`]),
  ];
  if (options.quiet) for (const [name] of rows) console.log(name);
  else console.log(rows.length === 0 ? 'the context names no container image' : formatTable(['IMAGE', 'FROM', 'FOUND IN'], rows));
}
