import type { ContentOptions } from '../content.ts';
import { readFiles } from '../files.ts';
import type { Image } from '../image.ts';
import type { Store } from '../store.ts';
import { contentOf } from '../tar-write.ts';
import type { OwnerNames } from './owner-names.ts';
import type { PlannedLayer } from './planned-entry.ts';

const PASSWD = 'etc/passwd';
const GROUP = 'etc/group';

/** The users and groups of an image as it is so far: of layers that are planned but not written yet, else of those that are. */
export async function ownerNames(
  store: Store,
  image: Image | undefined,
  planned: readonly Pick<PlannedLayer, 'entries'>[],
  options: ContentOptions,
): Promise<OwnerNames> {
  const files =
    image === undefined
      ? new Map<string, Buffer>()
      : await readFiles(store, image, ({ path }) => path === PASSWD || path === GROUP, options);
  const read = async (path: string) => (await plannedText(planned, path)) ?? files.get(path)?.toString() ?? '';
  return { passwd: await read(PASSWD), group: await read(GROUP) };
}

async function plannedText(planned: readonly Pick<PlannedLayer, 'entries'>[], path: string): Promise<string | undefined> {
  const entry = planned.findLast(({ entries }) => entries.has(path))?.entries.get(path)?.entry;
  if (entry?.type !== 'file') return undefined;
  const chunks: Buffer[] = [];
  for await (const chunk of contentOf(entry)) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
