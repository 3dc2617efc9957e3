import { constants } from 'node:os';
import type { ContainerConfig, ImageConfig, Platform } from '../manifest.ts';
import { formatPlatform } from '../platform.ts';
import { directoryPath, imagePath } from './destination.ts';
import { expandWord, expandWords, type Lookup, WordError } from './expand.ts';
import type { Instruction, Kubefile } from './instruction.ts';
import { lineError } from './kubefile-error.ts';

export interface EvaluateOptions {
  readonly platform: Platform;
  /** Values for ARGs, by name: `--build-arg`. */
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** Set after all instructions: `--env` and `--label`. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** What a build has to do, in order. Steps of kind `config` change only the image's configuration. */
export type BuildStep = { readonly line: number; readonly text: string } & (
  | { readonly kind: 'config' }
  | { readonly kind: 'directory'; readonly path: string; readonly owner?: string }
  | {
      readonly kind: 'copy';
      readonly sources: readonly string[];
      /** Absolute; with a slash at its end it is a directory whatever is copied. */
      readonly destination: string;
      readonly chown?: string;
      readonly chmod?: number;
    }
);

export interface Evaluated {
  readonly config: ContainerConfig;
  readonly author: string | undefined;
  readonly steps: readonly BuildStep[];
  /** Names given as build arguments that no ARG declares. */
  readonly unusedArgs: readonly string[];
}

// What the environment of every container needs, put into images that do not set it (as buildah does).
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
// Known without an ARG instruction (Dockerfile reference, predefined ARGs).
const PREDEFINED = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [name, name.toLowerCase()]);

/** What FROM names once its variables are replaced: `scratch` or an image, and `--platform`. Throws `bad-kubefile`. */
export function baseOf(kubefile: Kubefile, options: EvaluateOptions): { readonly image: string; readonly platform: string | undefined } {
  const { from, name } = kubefile;
  const { values } = headingArgs(kubefile, options);
  const replace = (word: string) => expanded(word, (key) => values.get(key), name, from.line);
  const image = replace(from.image);
  if (image === '')
    throw lineError(name, from.line, `FROM ${from.image} names no image: the variable is not set`, 'set it with --build-arg');
  return { image, platform: from.platform === undefined ? undefined : replace(from.platform) };
}

/**
 * Evaluates the instructions on top of a base image's config (undefined for scratch), as buildah does: variables are replaced by ENV
 * and declared ARGs as they were before the instruction. Pure. Throws `bad-kubefile` with the line.
 */
export function evaluateKubefile(kubefile: Kubefile, base: ImageConfig | undefined, options: EvaluateOptions): Evaluated {
  const heading = headingArgs(kubefile, options);
  const state = newState(base);
  const args: Args = { declared: new Set(PREDEFINED), values: new Map(Object.entries(options.buildArgs ?? {})) };
  const steps: BuildStep[] = [];
  for (const instruction of kubefile.instructions) {
    const place = { line: instruction.line, text: instruction.text };
    const lookup: Lookup = (name) => state.env.get(name) ?? (args.declared.has(name) ? args.values.get(name) : undefined);
    const replace = (word: string) => expanded(word, lookup, kubefile.name, instruction.line);
    const refuse = (why: string) => lineError(kubefile.name, instruction.line, why);
    if (instruction.kind === 'arg') declare(instruction.words.map(replace), args, options, heading.values);
    else if (instruction.kind === 'copy') steps.push({ ...place, ...copyStep(instruction, state, replace, refuse) });
    else {
      const more = apply(instruction, state, { replace, refuse, lookup });
      steps.push(...more.map((step) => ({ ...place, ...step })));
    }
    if (steps.at(-1)?.line !== instruction.line) steps.push({ ...place, kind: 'config' });
  }
  for (const [key, value] of Object.entries(options.env ?? {})) {
    state.env.delete(key);
    state.env.set(key, value);
  }
  for (const [key, value] of Object.entries(options.labels ?? {})) state.labels.set(key, value);
  const unusedArgs = Object.keys(options.buildArgs ?? {}).filter((name) => !args.declared.has(name) && !heading.declared.has(name));
  return { config: configOf(state), author: state.author, steps, unusedArgs };
}

interface Args {
  readonly declared: Set<string>;
  readonly values: Map<string, string>;
}

function headingArgs(kubefile: Kubefile, options: EvaluateOptions): Args {
  const args: Args = { declared: new Set(), values: new Map(Object.entries(options.buildArgs ?? {})) };
  const lookup: Lookup = (key) => (args.declared.has(key) ? args.values.get(key) : undefined);
  for (const { words, line } of kubefile.heading) {
    declare(
      words.map((word) => expanded(word, lookup, kubefile.name, line)),
      args,
      options,
      new Map(),
    );
  }
  for (const key of args.values.keys()) if (!args.declared.has(key)) args.values.delete(key);
  return args;
}

// ARG name, or name=default: a build argument wins over the default, an ARG before FROM gives its value only to a bare name.
function declare(words: readonly string[], args: Args, options: EvaluateOptions, heading: ReadonlyMap<string, string>): void {
  for (const word of words) {
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const value = equals < 0 ? (heading.get(name) ?? platformArg(name, options.platform)) : word.slice(equals + 1);
    args.declared.add(name);
    if (!Object.hasOwn(options.buildArgs ?? {}, name) && value !== undefined) args.values.set(name, value);
  }
}

function platformArg(name: string, platform: Platform): string | undefined {
  const [, part] = /^(?:TARGET|BUILD)(PLATFORM|OS|ARCH|VARIANT)$/.exec(name) ?? [];
  if (part === 'PLATFORM') return formatPlatform(platform);
  if (part === 'OS') return platform.os;
  if (part === 'ARCH') return platform.architecture;
  return part === 'VARIANT' ? (platform.variant ?? '') : undefined;
}

interface State {
  readonly env: Map<string, string>;
  readonly labels: Map<string, string>;
  readonly ports: Set<string>;
  readonly volumes: Set<string>;
  user: string | undefined;
  workdir: string | undefined;
  entrypoint: readonly string[] | undefined;
  cmd: readonly string[] | undefined;
  cmdSet: boolean;
  stopSignal: string | undefined;
  author: string | undefined;
}

function newState(base: ImageConfig | undefined): State {
  const config = base?.config ?? {};
  const env = new Map((config.Env ?? []).map((pair) => [pair.split('=', 1)[0] ?? '', pair.slice(pair.indexOf('=') + 1)]));
  if (!env.has('PATH')) env.set('PATH', DEFAULT_PATH);
  return {
    env,
    labels: new Map(Object.entries(config.Labels ?? {})),
    ports: new Set(Object.keys(config.ExposedPorts ?? {})),
    volumes: new Set(Object.keys(config.Volumes ?? {})),
    user: config.User,
    workdir: config.WorkingDir,
    entrypoint: config.Entrypoint,
    cmd: config.Cmd,
    cmdSet: false,
    stopSignal: config.StopSignal,
    author: base?.author,
  };
}

function configOf(state: State): ContainerConfig {
  const keys = (set: ReadonlySet<string>) => Object.fromEntries([...set].sort().map((key) => [key, {}]));
  return {
    ...(state.user ? { User: state.user } : {}),
    ...(state.ports.size > 0 ? { ExposedPorts: keys(state.ports) } : {}),
    Env: [...state.env].map(([key, value]) => `${key}=${value}`),
    ...(state.entrypoint?.length ? { Entrypoint: state.entrypoint } : {}),
    ...(state.cmd?.length ? { Cmd: state.cmd } : {}),
    ...(state.volumes.size > 0 ? { Volumes: keys(state.volumes) } : {}),
    ...(state.workdir ? { WorkingDir: state.workdir } : {}),
    ...(state.labels.size > 0 ? { Labels: Object.fromEntries([...state.labels].sort(([a], [b]) => (a < b ? -1 : 1))) } : {}),
    ...(state.stopSignal ? { StopSignal: state.stopSignal } : {}),
  };
}

type Refuse = (why: string) => Error;
type StepBody = { readonly kind: 'directory'; readonly path: string; readonly owner?: string };

interface Tools {
  readonly replace: (word: string) => string;
  readonly refuse: Refuse;
  readonly lookup: Lookup;
}

function apply(instruction: Exclude<Instruction, { kind: 'arg' | 'copy' }>, state: State, tools: Tools): readonly StepBody[] {
  const { replace, refuse } = tools;
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
      state.cmd = instruction.form === 'json' ? instruction.words : ['/bin/sh', '-c', ...instruction.words];
      state.cmdSet = instruction.words.length > 0;
      return [];
    case 'entrypoint':
      if (instruction.words.length === 0) state.entrypoint = undefined;
      else state.entrypoint = instruction.form === 'json' ? instruction.words : ['/bin/sh', '-c', ...instruction.words];
      // The base image's CMD was made for the base image's ENTRYPOINT.
      if (!state.cmdSet) state.cmd = undefined;
      return [];
    case 'expose':
      for (const word of instruction.words.flatMap((raw) => expandPorts(raw, tools))) {
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
    case 'from':
      return [];
  }
}

function expandPorts(word: string, tools: Tools): readonly string[] {
  try {
    return expandWords(word, tools.lookup);
  } catch (error) {
    throw error instanceof WordError ? tools.refuse(error.message) : error;
  }
}

function isSignal(text: string): boolean {
  if (/^\d+$/.test(text)) return Number(text) > 0;
  const name = text.toUpperCase().replace(/^(SIG)?/, 'SIG');
  return name in constants.signals || /^SIGRTM(IN|AX)([+-]\d+)?$/.test(name);
}

function copyStep(instruction: Instruction & { readonly kind: 'copy' }, state: State, replace: (word: string) => string, refuse: Refuse) {
  const { sources, destination, chown, chmod } = instruction;
  const mode = chmod === undefined ? undefined : replace(chmod);
  if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode)) throw refuse(`--chmod=${mode} is not an octal mode such as 0755`);
  return {
    kind: 'copy' as const,
    sources: sources.map(replace),
    destination: imagePath(replace(destination), state.workdir ?? '/'),
    ...(chown === undefined ? {} : { chown: replace(chown) }),
    ...(mode === undefined ? {} : { chmod: Number.parseInt(mode, 8) }),
  };
}

function expanded(word: string, lookup: Lookup, name: string, line: number): string {
  try {
    return expandWord(word, lookup);
  } catch (error) {
    throw error instanceof WordError ? lineError(name, line, error.message) : error;
  }
}
