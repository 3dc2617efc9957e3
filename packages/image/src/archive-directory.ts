import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from './error.ts';
import { entriesIn } from './layer-entries.ts';
import { type ByteInput, inputOf } from './tar-read.ts';
import { writeTar } from './tar-write.ts';

/** A directory with an OCI layout, or with what skopeo's `dir:` writes, as the archive that it would be. Throws `bad-archive` (exit 2) for any other. */
export async function inputOfDirectory(path: string): Promise<ByteInput> {
  const found = await Promise.all(
    ['index.json', 'manifest.json'].map((name) =>
      access(join(path, name)).then(
        () => true,
        () => false,
      ),
    ),
  );
  if (!found.includes(true))
    throw badInput('bad-archive', `${path} is a directory, but not of images: it has no index.json and no manifest.json`);
  return inputOf(writeTar(entriesIn(path)));
}
