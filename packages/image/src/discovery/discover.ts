import { formatReference, type Reference } from '../reference.ts';
import { ARCHIVE_LIST, type ListedArchive, listArchives } from './archive-list.ts';
import { childrenOf, filesBelow } from './context-files.ts';
import { readIgnoreList } from './ignore-list.ts';
import { formatPlace, type Mention, type Place } from './mention.ts';
import { readReference } from './reference-text.ts';
import { readShimLists } from './shim-lists.ts';

export { formatPlace, type Place } from './mention.ts';

export interface DiscoveredImage {
  readonly reference: Reference;
  /** Fetched from its registry, or (`containers-storage:` before its name) taken from this machine's store. */
  readonly from: 'registry' | 'store';
  /** Everything that names it only looks as if it did: a build goes on without it when it cannot be had. */
  readonly isGuess: boolean;
  readonly where: readonly Place[];
}

export interface Discovery {
  /** Sorted by name. */
  readonly images: readonly DiscoveredImage[];
  readonly archives: readonly ListedArchive[];
  /** What looked like an image and is none, and what was not looked into. */
  readonly warnings: readonly string[];
}

/**
 * Finds the container images that a cluster image needs, in the context's fixed places (sealos-interop.md §3.3): lists in `images/shim`,
 * archives in `images/skopeo/tar.txt`, everything under `manifests`, charts under `charts`. What `.sealignore` names is left out. Reads
 * files only, asks no registry and no cluster.
 */
export async function discoverImages(context: string, signal?: AbortSignal): Promise<Discovery> {
  signal?.throwIfAborted();
  const ignored = await readIgnoreList(context);
  // With its first use: YAML's reader is most of what there is to load.
  const files = await filesBelow(context, 'manifests');
  const manifests =
    files.length === 0 ? { mentions: [], warnings: [] } : await (await import('./manifest-files.ts')).readManifests(context, files);
  const hasCharts = (await childrenOf(context, 'charts')).length > 0;
  const charts = hasCharts ? await (await import('./chart/chart-images.ts')).readCharts(context, signal) : { mentions: [], warnings: [] };
  const { images, warnings: refused } = gathered([...(await readShimLists(context)), ...manifests.mentions, ...charts.mentions]);
  const listed = await listArchives(context);
  const warnings = [...ignored.warnings, ...manifests.warnings, ...refused, ...charts.warnings, ...listed.warnings];
  return {
    images: images.filter(({ reference }) => !ignored.leavesOut(reference)),
    archives: listed.archives.filter(({ reference }) => !ignored.leavesOut(reference)),
    warnings,
  };
}

function gathered(mentions: readonly Mention[]): Pick<Discovery, 'images' | 'warnings'> {
  const warnings: string[] = [];
  const found = new Map<string, DiscoveredImage & { readonly where: Place[] }>();
  for (const { text, file, line, certainty } of mentions) {
    const [, transport = '', written = text] = /^(containers-storage:|docker-daemon:)?(.*)$/s.exec(text) ?? [];
    const place: Place = line === undefined ? { file } : { file, line };
    const reference = transport === 'docker-daemon:' ? undefined : readReference(written);
    if (reference === undefined) {
      if (certainty === 'named' && !text.includes('{{')) warnings.push(refusal(text, place, transport));
      continue;
    }
    const name = formatReference(reference);
    const isGuess = certainty === 'seeming';
    const from = transport === '' ? 'registry' : 'store';
    const entry = found.get(name) ?? { reference, from, isGuess, where: [] };
    if (!entry.where.some((known) => formatPlace(known) === formatPlace(place))) entry.where.push(place);
    found.set(name, { ...entry, isGuess: entry.isGuess && isGuess });
  }
  return { images: [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, image]) => image), warnings };
}

function refusal(text: string, place: Place, transport: string): string {
  const start = formatPlace(place);
  if (transport === '') return `${start}: '${text}' is not an image name, it is not saved`;
  return `${start}: ${text} is in Docker's own store, which cannot be read here: 'docker save' it to a file and list that in ${ARCHIVE_LIST}`;
}
