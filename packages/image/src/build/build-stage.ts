import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { ContentOptions } from '../content.ts';
import { listFiles } from '../files.ts';
import type { Image } from '../image.ts';
import type { BuildStep, CopyStep } from '../kubefile/build-step.ts';
import type { Evaluated } from '../kubefile/evaluate.ts';
import { lineError } from '../kubefile/kubefile-error.ts';
import { layerFiles } from '../layer-files.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import { OCI_MANIFEST } from '../media-types.ts';
import { parseReference } from '../reference.ts';
import type { Store } from '../store.ts';
import { type ArchiveKind, archiveKind, planArchive } from './added-archive.ts';
import type { BuildOptions } from './build-options.ts';
import { contextEntry } from './context-entry.ts';
import { fetchUrl, isGit, isUrl } from './fetch-url.ts';
import type { Ignored } from './ignore-file.ts';
import type { BuiltLayer } from './image-document.ts';
import { type ImageFiles, openImageFiles } from './image-files.ts';
import { ownerNames } from './image-owners.ts';
import { LayerDraft } from './layer-draft.ts';
import { type OwnerIds, ownerIds } from './owner-names.ts';
import { type CopyItem, findSources, planCopy, type Refuse } from './plan-copy.ts';
import type { PlannedLayer } from './planned-entry.ts';
import { chainOf, flatRoot } from './roots.ts';
import { carryOutRun } from './run/carry-out.ts';
import type { Context } from './source.ts';
import { writeLayers } from './write-layers.ts';

export interface StageInput {
  /** How errors call the build file. */
  readonly name: string;
  readonly evaluated: Evaluated;
  /** What FROM names: an image, or a stage before this one. */
  readonly base: Image | undefined;
  /** How many of the base's layers come from an image that was not built here. */
  readonly foreignLayers: number;
  readonly platform: Platform;
  readonly context: Context;
  /** Later times become this one, seconds since 1970. */
  readonly latest: number | undefined;
  readonly options: BuildOptions;
  /** The directory that `--from` names, where it names one. */
  readonly directoryNamed: (name: string) => string | undefined;
  /** The image or stage that `--from` names; throws with the line. */
  readonly imageNamed: (name: string, line: number) => Promise<Image>;
}

export interface StageLayers {
  readonly layers: readonly BuiltLayer[];
  readonly hasSavedImages: boolean;
}

/**
 * Carries out a stage's steps. What COPY, ADD, WORKDIR and VOLUME add is planned first and written together, up to the next RUN, which
 * needs it on the disk. Without RUN nothing of the stage is in the store before all of it is well.
 */
export async function buildStage(store: Store, input: StageInput): Promise<StageLayers> {
  const stage = new StageWork(
    store,
    input,
    openImageFiles(input.base === undefined ? new Map() : await listFiles(store, input.base, input.options)),
  );
  for (const [index, step] of input.evaluated.steps.entries()) {
    input.options.signal?.throwIfAborted();
    if (step.kind === 'directory') await stage.directory(step, index);
    else if (step.kind === 'copy') await stage.copy(step, index);
    else if (step.kind === 'run') await stage.run(step, index);
  }
  await stage.write();
  return { layers: stage.layers, hasSavedImages: stage.hasSavedImages };
}

const NOTHING_IGNORED: Ignored = { file: undefined, ignores: () => false, hasExceptions: false };

type Step<Kind extends BuildStep['kind']> = BuildStep & { readonly kind: Kind };

class StageWork {
  readonly layers: BuiltLayer[] = [];
  hasSavedImages = false;
  readonly #store: Store;
  readonly #input: StageInput;
  readonly #files: ImageFiles;
  readonly #options: ContentOptions;
  #planned: PlannedLayer[] = [];
  #draft: LayerDraft;
  #last = 0;

  constructor(store: Store, input: StageInput, files: ImageFiles) {
    this.#store = store;
    this.#input = input;
    this.#files = files;
    this.#options = { signal: input.options.signal };
    this.#draft = new LayerDraft(files);
  }

  /** A directory that WORKDIR or VOLUME names comes with the next layer. */
  async directory(step: Step<'directory'>, index: number): Promise<void> {
    const owner = await this.#owner(step.owner, this.#refuse(step));
    this.#draft.makeDirectory(this.#files.resolve(step.path), owner ?? { uid: 0, gid: 0 });
    this.#last = index;
  }

  async copy(step: Step<'copy'>, index: number): Promise<void> {
    const refuse = this.#refuse(step);
    const draft = this.#draft;
    const owner = await this.#owner(step.chown, refuse);
    const context = step.from === undefined ? this.#input.context : await this.#contextOf(step.from, step);
    const { local, fetched } = await this.#sources(step, refuse);
    const options = { context, owner, refuse, signal: this.#options.signal };
    const items = await findSources({ ...step, sources: local }, { ...options, fetched, archives: 0 });
    const archives: { readonly path: string; readonly kind: ArchiveKind; readonly identity: string }[] = [];
    const plain: CopyItem[] = [];
    for (const item of items) {
      const kind = step.keyword === 'ADD' && item.kind === 'file' ? await archiveKind(item.path) : undefined;
      if (kind === undefined) plain.push(item);
      else archives.push({ path: item.path, kind, identity: archiveIdentity(item.path, draft) });
    }
    if (plain.length + fetched.length + step.documents.length > 0 || archives.length === 0)
      await planCopy(step, plain, draft, { ...options, fetched, archives: archives.length });
    for (const archive of archives) {
      const directory = step.destination.replace(/\/$/, '').slice(1);
      const into = step.link ? directory : this.#files.resolve(directory);
      if ((this.#files.get(into)?.type ?? 'directory') !== 'directory')
        throw refuse(`ADD to ${step.destination}: this is a file in the image, not a directory`);
      draft.makeDirectory(into, owner ?? { uid: 0, gid: 0 });
      await planArchive({ ...archive, directory: into, owner, refuse, signal: this.#options.signal }, draft);
    }
    this.#finishDraft(index, step);
  }

  async run(step: Step<'run'>, index: number): Promise<void> {
    await this.write();
    const { options, platform, latest, context, foreignLayers } = this.#input;
    const image = this.#image();
    const layer = await carryOutRun(step, {
      store: this.#store,
      index,
      image,
      foreignLayers,
      platform,
      latest,
      context,
      files: this.#files,
      owners: () => ownerNames(this.#store, image, [], this.#options),
      contextOf: (name) => this.#contextOf(name, step),
      refuse: this.#refuse(step),
      options,
    });
    if (layer === undefined) return;
    this.layers.push(layer);
    this.#files.apply((await layerFiles(this.#store, layer.descriptor, this.#options)).entries);
  }

  /** Writes what is planned, and makes it part of the store. */
  async write(): Promise<void> {
    const step = this.#input.evaluated.steps[this.#last];
    if (!this.#draft.isEmpty && step !== undefined) this.#finishDraft(this.#last, step);
    if (this.#planned.length === 0) return;
    const { options, latest } = this.#input;
    await using staged = await writeLayers(this.#store, this.#planned, { ...options, latest });
    await staged.commit();
    this.layers.push(...staged.layers);
    this.#planned = [];
  }

  #finishDraft(index: number, step: BuildStep): void {
    const plan = this.#draft.finish(index, step);
    const added = plan.archives.flatMap(({ headers }) => headers.flatMap((header) => header?.path ?? []));
    this.hasSavedImages ||= [...plan.entries.keys(), ...added].some((path) => path.startsWith('registry/'));
    this.#planned.push(plan);
    this.#draft = new LayerDraft(this.#files);
  }

  #refuse(step: BuildStep): Refuse {
    return (why, hint) => lineError(this.#input.name, step.line, why, hint);
  }

  async #owner(text: string | undefined, refuse: Refuse): Promise<OwnerIds | undefined> {
    if (text === undefined) return undefined;
    // Only looked up when a name needs it: a number without a group has that same number as its group.
    const isNumber = /^\d+(:\d+)?$/.test(text);
    const names = isNumber
      ? { passwd: '', group: '' }
      : await ownerNames(this.#store, this.#image(), [...this.#planned, this.#draft], this.#options);
    const ids = ownerIds(text, names);
    if (typeof ids === 'string') throw refuse(ids);
    return ids;
  }

  /** What there is so far, as an image: that which is written. */
  #image(): Image {
    const { base, platform } = this.#input;
    const layers = [...(base?.layers ?? []), ...this.layers.map(({ descriptor }) => descriptor)];
    const diffIds = [...(base?.config.rootfs.diff_ids ?? []), ...this.layers.map(({ diffId }) => diffId)];
    return imageOfLayers(layers, { ...platform, rootfs: { type: 'layers', diff_ids: diffIds } });
  }

  async #contextOf(name: string, step: BuildStep): Promise<Context> {
    const directory = this.#input.directoryNamed(name);
    if (directory !== undefined) return { root: await realpath(directory), ignored: NOTHING_IGNORED, title: name };
    const image = await this.#input.imageNamed(name, step.line);
    const files = await listFiles(this.#store, image, this.#options);
    return {
      root: await flatRoot(this.#store, image, this.#options),
      ignored: NOTHING_IGNORED,
      title: /^\d+$/.test(name) ? `stage ${name}` : name,
      image: {
        identity: chainOf(image),
        ownerOf: (path) => files.get(path) ?? { uid: 0, gid: 0 },
      },
    };
  }

  // What ADD has to fetch is fetched; the rest are paths.
  async #sources(step: CopyStep, refuse: Refuse) {
    if (step.keyword === 'COPY') return { local: step.sources, fetched: [] };
    const git = step.sources.find(isGit);
    if (git !== undefined) throw refuse(`ADD ${git}: git repositories are not fetched`, 'clone it into the context before the build');
    const remote = step.sources.filter(isUrl);
    if (step.checksum !== undefined && (remote.length !== 1 || step.sources.length !== 1))
      throw refuse('--checksum is for exactly one URL', 'ADD each URL on a line of its own');
    const fetched = [];
    for (const url of remote) {
      const lease = await this.#store.lease();
      const into = join(lease.path, `${lease.next()}.fetched`);
      const { environment = process.env, signal } = this.#input.options;
      fetched.push(await fetchUrl(url, { into, checksum: step.checksum, environment, signal }));
    }
    return { local: step.sources.filter((source) => !isUrl(source)), fetched };
  }
}

function archiveIdentity(path: string, draft: LayerDraft): string {
  const found = contextEntry(path, '', {});
  if (found !== undefined && found.changed > draft.changed) draft.changed = found.changed;
  return found?.identity ?? path;
}

/** Layers as an image that has no name and no manifest of its own. */
export function imageOfLayers(layers: readonly Descriptor[], config: Image['config']): Image {
  const nothing: Descriptor = { mediaType: OCI_MANIFEST, digest: `sha256:${'0'.repeat(64)}`, size: 0 };
  return {
    reference: parseReference('localhost/unnamed'),
    descriptor: nothing,
    manifest: { schemaVersion: 2, mediaType: OCI_MANIFEST, config: nothing, layers },
    config,
    layers,
  };
}
