import { constants } from 'node:os';
import type { ImageConfig } from '../manifest.ts';
import {
  type ArgumentOptions,
  type Arguments,
  declareArgument,
  expanded,
  headingArguments,
  located,
  PROXY_ARGUMENTS,
  platformArgument,
} from './arguments.ts';
import type { BuildStep } from './build-step.ts';
import { directoryPath, imagePath } from './destination.ts';
import { copyStep, DEFAULT_SHELL, type Reader, runStep } from './evaluate-files.ts';
import { expandDocument, expandWords, type Lookup } from './expand.ts';
import type { Instruction, Kubefile, Stage } from './instruction.ts';
import { lineError } from './kubefile-error.ts';
import { parseTrigger } from './parse.ts';
import { type BuiltConfig, beginStage, configOf, dockerMembers, type StageState } from './stage-config.ts';

export interface EvaluateOptions extends ArgumentOptions {
  /** Set after all instructions: `--env` and `--label`. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /** Taken away after that. */
  readonly unset?: { readonly env: readonly string[]; readonly labels: readonly string[] } | undefined;
  /** The ARGs of the stage that this one is built on. */
  readonly inherited?: Arguments | undefined;
}

export interface Evaluated {
  readonly config: BuiltConfig;
  readonly author: string | undefined;
  readonly steps: readonly BuildStep[];
  /** All that are known at the stage's end. */
  readonly args: Arguments;
}

/** What FROM names once its variables are replaced: `scratch`, a stage or an image, and `--platform`. Throws `bad-kubefile`. */
export function baseOf(
  kubefile: Kubefile,
  { from }: Stage,
  options: ArgumentOptions,
): { readonly image: string; readonly platform: string | undefined } {
  const { name } = kubefile;
  const { values } = headingArguments(kubefile, options);
  const lookup: Lookup = (key) => values.get(key) ?? platformArgument(key, options.platform);
  const replace = (word: string) => expanded(word, lookup, name, from.line);
  const image = replace(from.image);
  if (image === '')
    throw lineError(name, from.line, `FROM ${from.image} names no image: the variable is not set`, 'set it with --build-arg');
  return { image, platform: from.platform === undefined ? undefined : replace(from.platform) };
}

/**
 * Evaluates a stage's instructions on top of a base image's config (undefined for scratch), as buildah does: variables are replaced by
 * ENV and declared ARGs as they were before the instruction; the base's ONBUILD comes first. Pure. Throws `bad-kubefile` with the line.
 */
export function evaluateStage(kubefile: Kubefile, stage: Stage, base: ImageConfig | undefined, options: EvaluateOptions): Evaluated {
  const heading = headingArguments(kubefile, options);
  const state = beginStage(base);
  const args: Arguments = {
    declared: new Set([...PROXY_ARGUMENTS, ...(options.inherited?.declared ?? [])]),
    values: new Map([...(options.inherited?.values ?? []), ...Object.entries(options.buildArgs ?? {})]),
  };
  const triggers = (dockerMembers(base?.config).OnBuild ?? []).map((text) => parseTrigger(text, stage.from.line, kubefile.name));
  const steps: BuildStep[] = [];
  for (const instruction of [...triggers, ...stage.instructions]) {
    const { line, text } = instruction;
    const lookup: Lookup = (name) => state.env.get(name) ?? (args.declared.has(name) ? args.values.get(name) : undefined);
    const reader: StageReader = {
      lookup,
      replace: (word) => expanded(word, lookup, kubefile.name, line),
      replaceDocument: (document) => located(() => expandDocument(document, lookup), kubefile.name, line),
      replaceWords: (word) => located(() => expandWords(word, lookup), kubefile.name, line),
      refuse: (why, hint) => lineError(kubefile.name, line, why, hint),
    };
    const count = steps.length;
    if (instruction.kind === 'arg') {
      for (const word of instruction.words.map(reader.replace)) declareArgument(word, args, options, heading.values);
    } else if (instruction.kind === 'copy') {
      steps.push({ line, text, ...copyStep(instruction, state, reader) });
    } else if (instruction.kind === 'run') {
      steps.push({ line, text, ...runStep(instruction, state, argumentsForRun(args), reader) });
    } else {
      steps.push(...apply(instruction, state, reader).map((step) => ({ line, text, ...step })));
    }
    if (steps.length === count) steps.push({ line, text, kind: 'config' });
  }
  for (const [key, value] of Object.entries(options.env ?? {})) {
    state.env.delete(key);
    state.env.set(key, value);
  }
  for (const [key, value] of Object.entries(options.labels ?? {})) state.labels.set(key, value);
  for (const key of options.unset?.env ?? []) state.env.delete(key);
  for (const key of options.unset?.labels ?? []) state.labels.delete(key);
  return { config: configOf(state), author: state.author, steps, args };
}

// Proxies are the machine's affair: they are no part of what an image is made of.
function argumentsForRun({ declared, values }: Arguments): Record<string, string> {
  return Object.fromEntries([...values].filter(([name]) => declared.has(name) && !PROXY_ARGUMENTS.includes(name)));
}

interface StageReader extends Reader {
  readonly lookup: Lookup;
  readonly replaceWords: (word: string) => readonly string[];
}

type StepBody = { readonly kind: 'directory'; readonly path: string; readonly owner?: string };

function apply(
  instruction: Exclude<Instruction, { kind: 'arg' | 'copy' | 'run' }>,
  state: StageState,
  reader: StageReader,
): readonly StepBody[] {
  const { replace, refuse } = reader;
  switch (instruction.kind) {
    case 'env':
    case 'label': {
      const target = instruction.kind === 'env' ? state.env : state.labels;
      // All values first: an instruction does not see its own variables.
      const pairs = instruction.pairs.map(({ key, value }) => [replace(key), replace(value)] as const);
      for (const [key, value] of pairs) target.set(key, value);
      return [];
    }
    case 'cmd':
      state.cmd = commandLine(instruction, state);
      state.cmdSet = instruction.words.length > 0;
      return [];
    case 'entrypoint':
      state.entrypoint = instruction.words.length === 0 ? undefined : commandLine(instruction, state);
      // The base image's CMD was made for the base image's ENTRYPOINT.
      if (!state.cmdSet) state.cmd = undefined;
      return [];
    case 'expose':
      for (const word of instruction.words.flatMap(reader.replaceWords)) {
        if (!/^\d+(-\d+)?(\/[a-z]+)?$/.test(word)) throw refuse(`'${word}' is not a port (PORT, FIRST-LAST or PORT/udp)`);
        state.ports.add(word.includes('/') ? word : `${word}/tcp`);
      }
      return [];
    case 'volume': {
      const paths = instruction.words.map((word) => replace(word).trim());
      if (paths.includes('')) throw refuse('VOLUME cannot be an empty path');
      for (const path of paths) state.volumes.add(path);
      return paths.map((path) => ({ kind: 'directory', path: imagePath(path, '/') }));
    }
    case 'workdir': {
      state.workdir = directoryPath(replace(instruction.value), state.workdir ?? '/');
      const step = { kind: 'directory', path: imagePath(state.workdir, '/') } as const;
      return [state.user ? { ...step, owner: state.user } : step];
    }
    case 'user':
      state.user = replace(instruction.value);
      return [];
    case 'stopsignal':
      state.stopSignal = replace(instruction.value);
      if (!isSignal(state.stopSignal)) throw refuse(`'${state.stopSignal}' is not a signal`);
      return [];
    case 'maintainer':
      state.author = instruction.value;
      return [];
    case 'shell':
      state.shell = instruction.words;
      return [];
    case 'healthcheck':
      state.healthcheck = instruction.check;
      return [];
    case 'onbuild':
      state.onBuild.push(instruction.trigger);
      return [];
    case 'from':
      return [];
  }
}

function commandLine({ form, words }: { readonly form: 'json' | 'shell'; readonly words: readonly string[] }, state: StageState) {
  return form === 'json' ? words : [...(state.shell ?? DEFAULT_SHELL), ...words];
}

function isSignal(text: string): boolean {
  if (/^\d+$/.test(text)) return Number(text) > 0;
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  return name in constants.signals || /^SIGRTM(IN|AX)([+-]\d+)?$/.test(name);
}
