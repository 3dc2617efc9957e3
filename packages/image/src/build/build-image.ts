import { realpath, stat } from 'node:fs/promises';
import { badInput } from '../error.ts';
import { PROXY_ARGUMENTS } from '../kubefile/arguments.ts';
import { readBuildFile } from '../kubefile/build-file.ts';
import { baseOf, evaluateStage } from '../kubefile/evaluate.ts';
import type { Kubefile } from '../kubefile/instruction.ts';
import { lineError } from '../kubefile/kubefile-error.ts';
import type { Platform } from '../manifest.ts';
import { hostPlatform, parsePlatform } from '../platform.ts';
import { parseReference, type Reference } from '../reference.ts';
import type { Store } from '../store.ts';
import type { BuildOptions, BuildResult } from './build-options.ts';
import { targetIndex } from './stage-names.ts';
import { buildStages } from './stages.ts';

export type { BuildOptions, BuildResult, SecretSource } from './build-options.ts';

/** What was found wrong or right before anything is read, saved or written. */
export interface PreparedBuild {
  readonly kubefile: Kubefile;
  /** The stage that becomes the image. */
  readonly target: number;
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
  const read = options.kubefile ?? (await readBuildFile(context, options.file));
  const kubefile = options.from === undefined ? read : onAnotherBase(read, options.from);
  for (const named of Object.values(options.contexts ?? {})) {
    if ('image' in named) parseReference(named.image);
    else await contextRoot(named.directory);
  }
  const target = targetIndex(kubefile, options.target);
  const platform = options.platform ?? hostPlatform();
  const stage = kubefile.stages[target];
  if (stage === undefined) throw lineError(kubefile.name, 1, 'there is no FROM');
  const evaluateOptions = { platform, buildArgs: options.buildArgs };
  const base = baseOf(kubefile, stage, evaluateOptions);
  for (const one of kubefile.stages.slice(0, target + 1)) {
    if (baseOf(kubefile, one, evaluateOptions).image === 'scratch') evaluateStage(kubefile, one, undefined, evaluateOptions);
  }
  return { kubefile, target, names, context, platform: base.platform === undefined ? platform : parsePlatform(base.platform) };
}

/**
 * Builds an image from a context into the store: one layer for each COPY, ADD and RUN, and one of its own, not compressed, for saved images
 * in `registry/`. What an earlier build made of the same input is taken over. The same input gives the same digest, apart from what RUN
 * does; `SOURCE_DATE_EPOCH` limits all times. No name is given before all is well.
 * Throws `bad-kubefile` (`Kubefile:LINE: …`) and what `prepareBuild` throws (exit 2), `image-not-found`, `run-failed`, `disk-full`.
 */
export async function buildImage(store: Store, options: BuildOptions): Promise<BuildResult> {
  const prepared = await prepareBuild(options);
  const { names, kubefile } = prepared;
  const built = await buildStages(store, prepared, options);
  for (const name of names) await store.tag(name, built.descriptor, { signal: options.signal });
  const warnings = unusedArguments(kubefile, options).map((name) => `--build-arg ${name}: no ARG in ${kubefile.name} declares it`);
  return { ...built, names, warnings };
}

/** The first stage begins with another image. */
function onAnotherBase(kubefile: Kubefile, image: string): Kubefile {
  if (image !== 'scratch') parseReference(image);
  const [first, ...others] = kubefile.stages;
  if (first === undefined) return kubefile;
  return { ...kubefile, stages: [{ ...first, from: { ...first.from, image } }, ...others] };
}

function unusedArguments({ heading, stages }: Kubefile, { buildArgs }: BuildOptions): readonly string[] {
  const declared = new Set(PROXY_ARGUMENTS);
  for (const instruction of [...heading, ...stages.flatMap(({ instructions }) => instructions)]) {
    if (instruction.kind !== 'arg') continue;
    for (const word of instruction.words) declared.add(word.split('=', 1)[0] ?? '');
  }
  return Object.keys(buildArgs ?? {}).filter((name) => !declared.has(name));
}

function parseName(text: string): Reference {
  const reference = parseReference(text);
  if (reference.digest === undefined) return reference;
  throw badInput('bad-reference', `'${text}' cannot name what is built: it has a digest`, 'use a tag');
}

/** The real path of a context. Throws `bad-context` (exit 2). */
export async function contextRoot(path: string): Promise<string> {
  const root = await realpath(path).catch(() => undefined);
  if (root === undefined) throw badInput('bad-context', `there is no directory ${path}`);
  if (!(await stat(root)).isDirectory())
    throw badInput('bad-context', `${path} is not a directory`, 'name the context, the directory with the files');
  return root;
}
