import type { ContentOptions } from '../content.ts';
import { badInput } from '../error.ts';
import { type Image, platformOf } from '../image.ts';
import { sourceDate, writeLayer } from '../layer.ts';
import type { Descriptor, ImageConfig, Manifest } from '../manifest.ts';
import { OCI_CONFIG, OCI_MANIFEST } from '../media-types.ts';
import { familiarName, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { visibleEntries } from '../visible-entries.ts';
import type { FileChange } from './diff-images.ts';

export interface PatchOptions extends ContentOptions {
  readonly name: Reference;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

export interface Patch {
  readonly descriptor: Descriptor;
  /** Paths in the patch. */
  readonly files: number;
  /** What the second image lacks: a patch is laid over and takes nothing away. */
  readonly deleted: readonly string[];
}

/**
 * Makes a patch image (label `sealos.io.type=patch`) of what the second image has otherwise than the first outside its `registry/`: the
 * files in one layer, and the labels and variables that differ. Throws `no-difference` (exit 2).
 */
export async function patchImage(
  store: Store,
  from: Image,
  to: Image,
  changes: readonly FileChange[],
  options: PatchOptions,
): Promise<Patch> {
  const outside = changes.filter(({ path }) => path !== 'registry' && !path.startsWith('registry/'));
  const paths = new Set(outside.filter(({ change }) => change !== 'deleted').map(({ path }) => path));
  const Labels = changed(from.config.config?.Labels ?? {}, to.config.config?.Labels ?? {});
  const variables = changed(variablesOf(from), variablesOf(to));
  if (paths.size === 0 && Object.keys(Labels).length === 0 && Object.keys(variables).length === 0) {
    throw badInput(
      'no-difference',
      `${familiarName(to.reference)} has nothing outside registry/ that ${familiarName(from.reference)} lacks: there is no patch to make`,
    );
  }
  const parents = new Set([...paths].flatMap(parentsOf));
  const entries = visibleEntries(store, to, ({ path, type }) => paths.has(path) || (type === 'directory' && parents.has(path)), options);
  const layer = await writeLayer(store, entries, { signal: options.signal });
  const latest = sourceDate(options.environment);
  const created = latest === undefined ? to.config.created : `${new Date(latest * 1000).toISOString().slice(0, 19)}Z`;
  const Env = Object.entries(variables).map(([key, value]) => `${key}=${value}`);
  const config: ImageConfig = {
    ...(created === undefined ? {} : { created }),
    ...platformOf(to.config),
    config: { ...(Env.length === 0 ? {} : { Env }), Labels: { ...Labels, 'sealos.io.type': 'patch' } },
    rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    history: [
      {
        ...(created === undefined ? {} : { created }),
        created_by: `what ${familiarName(to.reference)} has otherwise than ${familiarName(from.reference)}`,
      },
    ],
  };
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: await store.writeBytes(JSON.stringify(config), OCI_CONFIG),
    layers: [layer.descriptor],
  };
  const descriptor = await store.writeBytes(JSON.stringify(manifest), OCI_MANIFEST);
  await store.tag(options.name, descriptor, options);
  return { descriptor, files: paths.size, deleted: outside.filter(({ change }) => change === 'deleted').map(({ path }) => path) };
}

const TYPES = new Set(['sealos.io.type', 'apps.sealos.io/type']);

function changed(old: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(now).filter(([key, value]) => old[key] !== value && !TYPES.has(key)));
}

function variablesOf({ config }: Image): Record<string, string> {
  const pairs = (config.config?.Env ?? []).map((text) => [text.split('=', 1)[0] ?? '', text.slice(text.indexOf('=') + 1)] as const);
  return Object.fromEntries(pairs.filter(([key]) => key !== '' && key !== 'PATH'));
}

function parentsOf(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, depth) => parts.slice(0, depth + 1).join('/'));
}
