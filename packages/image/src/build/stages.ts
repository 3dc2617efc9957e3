import { SealosError } from '../error.ts';
import { type Image, platformOf } from '../image.ts';
import type { Arguments } from '../kubefile/arguments.ts';
import { baseOf, evaluateStage } from '../kubefile/evaluate.ts';
import { lineError } from '../kubefile/kubefile-error.ts';
import { sourceDate } from '../layer.ts';
import type { Platform } from '../manifest.ts';
import { hostPlatform, parsePlatform } from '../platform.ts';
import type { Store } from '../store.ts';
import { baseImages } from './base-image.ts';
import type { PreparedBuild } from './build-image.ts';
import type { BuildOptions, BuildResult } from './build-options.ts';
import { buildStage } from './build-stage.ts';
import { readIgnoreFile } from './ignore-file.ts';
import type { Context } from './source.ts';
import { stageIndex } from './stage-names.ts';
import { writeImage } from './write-image.ts';

/** A stage that is built: an image without a name. */
interface BuiltStage {
  readonly image: Image;
  readonly args: Arguments;
  /** How many of its layers come from an image that was not built here. */
  readonly foreignLayers: number;
  /** The image that its first FROM names. */
  readonly root: Image | undefined;
  readonly hasSavedImages: boolean;
  readonly isUnchanged: boolean;
}

/** Builds the stage that is asked for, and before it those that it needs, each once; the others are left alone. */
export async function buildStages(
  store: Store,
  prepared: PreparedBuild,
  options: BuildOptions,
): Promise<Omit<BuildResult, 'names' | 'warnings'>> {
  const { kubefile, target } = prepared;
  const { name: file, stages } = kubefile;
  const context: Context = {
    root: prepared.context,
    title: 'the context',
    ignored: await readIgnoreFile(prepared.context, options.ignoreFile),
  };
  const latest = sourceDate(options.environment);
  const images = baseImages(store, options);
  const built = new Map<number, Promise<BuiltStage>>();

  const stageAt = (index: number): Promise<BuiltStage> => {
    const known = built.get(index) ?? build(index);
    built.set(index, known);
    return known;
  };
  const given = new Map(Object.entries(options.contexts ?? {}));
  // A name means what the caller says, else a stage before this one, else an image.
  const imageNamed = async (name: string, before: number, line: number, platform: Platform | undefined): Promise<Image> => {
    const place = { file, line, why: `--from=${name}` };
    const named = given.get(name);
    if (named !== undefined && 'image' in named) return images.open(named.image, platform, place);
    const stage = stageIndex(kubefile, name, before);
    if (stage !== undefined) return (await stageAt(stage)).image;
    const later = stageIndex(kubefile, name);
    if (later !== undefined || /^\d+$/.test(name))
      throw lineError(
        file,
        line,
        `there is no stage '${name}' before this one`,
        later === undefined ? 'stages are counted from 0' : 'a stage can use only those before it',
      );
    return images.open(name, platform, place);
  };

  const build = async (index: number): Promise<BuiltStage> => {
    const stage = stages[index];
    if (stage === undefined) throw lineError(file, 1, 'there is no FROM');
    const isTarget = index === target;
    const { buildArgs } = options;
    const { image: name, platform: fromPlatform } = baseOf(kubefile, stage, { platform: options.platform ?? hostPlatform(), buildArgs });
    const place = { file, line: stage.from.line, why: `FROM ${name}` };
    const named = given.get(name);
    if (named !== undefined && 'directory' in named)
      throw lineError(file, place.line, `${place.why}: --build-context calls a directory so`);
    const isStage = name !== 'scratch' && named === undefined && !/^\d+$/.test(name);
    const parentIndex = isStage ? stageIndex(kubefile, name, index) : undefined;
    const parent = parentIndex === undefined ? undefined : await stageAt(parentIndex);
    const wanted = fromPlatform === undefined ? options.platform : parsePlatform(fromPlatform);
    const base = name === 'scratch' ? undefined : (parent?.image ?? (await images.open(named?.image ?? name, wanted, place)));
    const platform = base === undefined ? (wanted ?? hostPlatform()) : platformOf(base.config);
    const evaluated = evaluateStage(kubefile, stage, base?.config, {
      // `FROM --platform` says where a stage runs, not for what the build is.
      platform: options.platform ?? (fromPlatform === undefined ? platform : hostPlatform()),
      buildArgs,
      inherited: parent?.args,
      ...(isTarget ? { env: options.env, labels: options.labels, unset: options.unset } : {}),
    });
    const foreignLayers = parent === undefined ? (base?.layers.length ?? 0) : parent.foreignLayers;
    const made = await buildStage(store, {
      name: file,
      evaluated,
      base,
      foreignLayers,
      platform,
      context,
      latest,
      options: { ...options, compression: compressionOf(options) },
      directoryNamed: (from) => {
        const directory = given.get(from);
        return directory !== undefined && 'directory' in directory ? directory.directory : undefined;
      },
      imageNamed: (from, line) => imageNamed(from, index, line, options.platform),
    });
    const root = parent === undefined ? base : parent.root;
    const image = await writeImage(
      store,
      { base, root, evaluated, layers: made.layers, foreignLayers, platform, latest, isTarget },
      options,
    );
    return {
      image,
      args: evaluated.args,
      foreignLayers,
      root,
      hasSavedImages: made.hasSavedImages || (parent?.hasSavedImages ?? false),
      isUnchanged: made.layers.every(({ isCached }) => isCached) && (parent?.isUnchanged ?? true),
    };
  };
  const { image, hasSavedImages, isUnchanged } = await stageAt(target);
  return { descriptor: image.descriptor, platform: platformOf(image.config), hasSavedImages, isUnchanged };
}

function compressionOf({ format, compression }: BuildOptions) {
  if (format !== 'docker') return compression;
  if (compression === 'zstd')
    throw new SealosError('bad-flag', "Docker's format has no zstd layers", { hint: 'choose gzip, or the OCI format', exitCode: 2 });
  return compression ?? 'gzip';
}
