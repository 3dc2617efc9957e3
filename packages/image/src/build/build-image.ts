import { realpath, stat } from 'node:fs/promises';
import type { ContentOptions, OnTransfer } from '../content.ts';
import { badInput, SealosError } from '../error.ts';
import { listFiles, readFiles } from '../files.ts';
import { type Image, openImage, platformOf } from '../image.ts';
import { readBuildFile } from '../kubefile/build-file.ts';
import { baseOf, type Evaluated, type EvaluateOptions, evaluateKubefile } from '../kubefile/evaluate.ts';
import type { Kubefile } from '../kubefile/instruction.ts';
import { lineError } from '../kubefile/kubefile-error.ts';
import { sourceDate } from '../layer.ts';
import type { Descriptor, Manifest, Platform } from '../manifest.ts';
import { type Compression, OCI_CONFIG, OCI_MANIFEST } from '../media-types.ts';
import { hostPlatform, parsePlatform } from '../platform.ts';
import { familiarName, parseReference, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import { readIgnoreFile } from './ignore-file.ts';
import { imageConfig, ociLayer } from './image-document.ts';
import { planLayers } from './plan-layers.ts';
import { layersOf, type PlannedLayer } from './planned-entry.ts';
import { stageLayers } from './stage-layers.ts';

export interface BuildOptions extends ContentOptions {
  /** The directory with what is copied. */
  readonly context: string;
  /** The build file; default: the first of `Kubefile`, `Dockerfile`, `Sealfile`, `Containerfile` in the context. */
  readonly file?: string | undefined;
  /** What the image is called; without a name it is in the store until the next collection. */
  readonly names?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Default: the base image's, for scratch this machine's. */
  readonly platform?: Platform | undefined;
  /** Of all layers but that of saved images, which is not compressed again. Default zstd. */
  readonly compression?: Compression | undefined;
  /** Fetches the image that FROM names into the store; without it a missing one is an error. */
  readonly pull?: ((reference: Reference, platform: Platform | undefined) => Promise<void>) | undefined;
  /** Fetch it even when it is there. */
  readonly alwaysPull?: boolean | undefined;
  readonly onEvent?: OnTransfer | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

export interface BuildResult {
  readonly descriptor: Descriptor;
  readonly names: readonly Reference[];
  /** Whether something was copied to the image's `registry/`. */
  readonly hasSavedImages: boolean;
  /** What the user should know, one line each. */
  readonly warnings: readonly string[];
}

/** What was found wrong or right before anything is read, saved or written. */
export interface PreparedBuild {
  readonly kubefile: Kubefile;
  readonly names: readonly Reference[];
  /** The real path of the context. */
  readonly context: string;
  /** For which platform, as far as FROM, `--platform` and this machine say. */
  readonly platform: Platform;
}

/** Checks names and build file without touching the store. Throws `bad-reference`, `bad-context`, `no-kubefile`, `bad-kubefile` (exit 2). */
export async function prepareBuild(options: BuildOptions): Promise<PreparedBuild> {
  const names = (options.names ?? []).map(parseName);
  const context = await contextRoot(options.context);
  const kubefile = await readBuildFile(context, options.file);
  const platform = options.platform ?? hostPlatform();
  const base = baseOf(kubefile, evaluateOptions(options, platform));
  if (base.image === 'scratch') evaluateKubefile(kubefile, undefined, evaluateOptions(options, platform));
  return { kubefile, names, context, platform: base.platform === undefined ? platform : parsePlatform(base.platform) };
}

/**
 * Builds an image from a context into the store: one layer for each COPY, and one of its own, not compressed, for saved images in
 * `registry/`. The same input gives the same digest; `SOURCE_DATE_EPOCH` limits all times. Nothing is visible before all is well.
 * Throws `bad-kubefile` (`Kubefile:LINE: …`) and what `prepareBuild` throws (exit 2), `image-not-found`, `disk-full`.
 */
export async function buildImage(store: Store, options: BuildOptions): Promise<BuildResult> {
  const { kubefile, names, context } = await prepareBuild(options);
  const { signal } = options;
  const base = await openBase(store, kubefile, options);
  const platform = base === undefined ? (options.platform ?? hostPlatform()) : platformOf(base.config);
  const evaluated = evaluateKubefile(kubefile, base?.config, evaluateOptions(options, platform));
  const plans = await planLayers(evaluated.steps, {
    name: kubefile.name,
    context: { root: context, ignored: await readIgnoreFile(context) },
    base: base === undefined ? new Map() : await listFiles(store, base, { signal }),
    owners: await ownerFiles(store, base, evaluated, signal),
    signal,
  });
  const descriptor = await write(store, { plans, base, evaluated, platform }, options);
  for (const name of names) await store.tag(name, descriptor, { signal });
  const warnings = evaluated.unusedArgs.map((name) => `--build-arg ${name}: no ARG in ${kubefile.name} declares it`);
  const hasSavedImages = plans.some(({ entries }) => [...entries.keys()].some((path) => path.startsWith('registry/')));
  return { descriptor, names, hasSavedImages, warnings };
}

function evaluateOptions(options: BuildOptions, platform: Platform): EvaluateOptions {
  const { buildArgs, env, labels } = options;
  return { platform, buildArgs, env, labels };
}

function parseName(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest === undefined) return reference;
  throw badInput('bad-reference', `'${text}' cannot name what is built: it has a digest`, 'use a tag');
}

async function contextRoot(path: string): Promise<string> {
  const root = await realpath(path).catch(() => undefined);
  if (root === undefined) throw badInput('bad-context', `there is no directory ${path}`);
  if (!(await stat(root)).isDirectory())
    throw badInput('bad-context', `${path} is not a directory`, 'name the context, the directory with the files');
  return root;
}

async function openBase(store: Store, kubefile: Kubefile, options: BuildOptions): Promise<Image | undefined> {
  const { name, from } = kubefile;
  const { image, platform: fromPlatform } = baseOf(kubefile, evaluateOptions(options, options.platform ?? hostPlatform()));
  if (image === 'scratch') return undefined;
  const { pull, signal } = options;
  try {
    const platform = fromPlatform === undefined ? options.platform : parsePlatform(fromPlatform);
    const reference = parseReference(image);
    if (options.alwaysPull && pull !== undefined) await pull(reference, platform);
    try {
      return await openImage(store, reference, { platform, signal });
    } catch (error) {
      const isAbsent = error instanceof SealosError && ['image-not-found', 'no-platform', 'content-not-found'].includes(error.code);
      if (!isAbsent || pull === undefined || options.alwaysPull) throw error;
      await pull(reference, platform);
      return await openImage(store, reference, { platform, signal });
    }
  } catch (error) {
    if (!(error instanceof SealosError)) throw error;
    const located = lineError(name, from.line, `FROM ${image}: ${error.message}`, error.hint);
    throw new SealosError(error.code, located.message, { cause: error, hint: error.hint, exitCode: error.exitCode });
  }
}

const PASSWD = 'etc/passwd';
const GROUP = 'etc/group';

// Only looked up when a name needs it.
async function ownerFiles(store: Store, base: Image | undefined, evaluated: Evaluated, signal: AbortSignal | undefined) {
  const isNamed = (owner: string | undefined) => owner !== undefined && !/^\d+:\d+$/.test(owner);
  const needed = evaluated.steps.some((step) =>
    step.kind === 'copy' ? isNamed(step.chown) : step.kind === 'directory' && isNamed(step.owner),
  );
  if (base === undefined || !needed) return { passwd: '', group: '' };
  const files = await readFiles(store, base, ({ path }) => path === PASSWD || path === GROUP, { signal });
  return { passwd: files.get(PASSWD)?.toString() ?? '', group: files.get(GROUP)?.toString() ?? '' };
}

interface Planned {
  readonly plans: readonly PlannedLayer[];
  readonly base: Image | undefined;
  readonly evaluated: Evaluated;
  readonly platform: Platform;
}

async function write(store: Store, planned: Planned, options: BuildOptions): Promise<Descriptor> {
  const { plans, base, evaluated, platform } = planned;
  const latest = sourceDate(options.environment);
  const contents = plans.map((plan) => ({ plan, ...layersOf(plan) }));
  await using staged = await stageLayers(store, contents, base === undefined, { ...options, latest });
  const times = [Date.parse(base?.config.created ?? '') / 1000, ...contents.map(({ main }) => main.newest)].filter((time) => time > 0);
  const created = latest ?? Math.floor(Math.max(0, ...times));
  await staged.commit();
  const document = imageConfig({ base, evaluated, layers: staged.layers, platform, created });
  const config = await store.writeBytes(JSON.stringify(document), OCI_CONFIG);
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config,
    layers: [...(base?.layers ?? []).map(ociLayer), ...staged.layers.map((layer) => layer.descriptor)],
    ...(base === undefined ? {} : { annotations: baseAnnotations(base) }),
  };
  return store.writeBytes(JSON.stringify(manifest), OCI_MANIFEST);
}

// image-spec annotations.md: which image this one was built on.
function baseAnnotations(base: Image): Readonly<Record<string, string>> {
  return {
    'org.opencontainers.image.base.digest': base.descriptor.digest,
    'org.opencontainers.image.base.name': familiarName(base.reference),
  };
}
