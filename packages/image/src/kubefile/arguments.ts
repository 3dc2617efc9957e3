import type { Platform } from '../manifest.ts';
import { formatPlatform, hostPlatform } from '../platform.ts';
import { expandWord, type Lookup, WordError } from './expand.ts';
import type { Kubefile } from './instruction.ts';
import { lineError } from './kubefile-error.ts';

export interface ArgumentOptions {
  readonly platform: Platform;
  /** Values for ARGs, by name: `--build-arg`. */
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
}

/** The ARGs of one scope: those that are declared, and the values of those that have one. */
export interface Arguments {
  readonly declared: Set<string>;
  readonly values: Map<string, string>;
}

/** Known without an ARG instruction (Dockerfile reference, predefined ARGs). */
export const PROXY_ARGUMENTS: readonly string[] = ['HTTP_PROXY', 'HTTPS_PROXY', 'FTP_PROXY', 'NO_PROXY', 'ALL_PROXY'].flatMap((name) => [
  name,
  name.toLowerCase(),
]);

/** The ARGs that stand before the first FROM: they are known to FROM, and give a bare ARG of a stage its value. */
export function headingArguments(kubefile: Kubefile, options: ArgumentOptions): Arguments {
  const args: Arguments = { declared: new Set(), values: new Map(Object.entries(options.buildArgs ?? {})) };
  const lookup: Lookup = (key) => (args.declared.has(key) ? args.values.get(key) : undefined) ?? platformArgument(key, options.platform);
  for (const { words, line } of kubefile.heading) {
    for (const word of words) declareArgument(expanded(word, lookup, kubefile.name, line), args, options, new Map());
  }
  for (const key of args.values.keys()) if (!args.declared.has(key)) args.values.delete(key);
  return args;
}

/** ARG name, or name=default: a build argument wins over the default, an ARG before FROM gives its value only to a bare name. */
export function declareArgument(word: string, args: Arguments, options: ArgumentOptions, heading: ReadonlyMap<string, string>): void {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const value = equals < 0 ? (heading.get(name) ?? platformArgument(name, options.platform)) : word.slice(equals + 1);
  args.declared.add(name);
  if (!Object.hasOwn(options.buildArgs ?? {}, name) && value !== undefined) args.values.set(name, value);
}

/** `TARGETPLATFORM` and its parts are the image's platform, `BUILDPLATFORM` and its parts this machine's. */
export function platformArgument(name: string, target: Platform): string | undefined {
  const [, whose, part] = /^(TARGET|BUILD)(PLATFORM|OS|ARCH|VARIANT)$/.exec(name) ?? [];
  const platform = whose === 'BUILD' ? hostPlatform() : target;
  if (part === 'PLATFORM') return formatPlatform(platform);
  if (part === 'OS') return platform.os;
  if (part === 'ARCH') return platform.architecture;
  return part === 'VARIANT' ? (platform.variant ?? '') : undefined;
}

/** A word with its variables replaced; what is wrong with it carries the line. */
export function expanded(word: string, lookup: Lookup, name: string, line: number): string {
  return located(() => expandWord(word, lookup), name, line);
}

/** Runs an expansion; a `WordError` becomes `bad-kubefile` with the line. */
export function located<T>(expand: () => T, name: string, line: number): T {
  try {
    return expand();
  } catch (error) {
    throw error instanceof WordError ? lineError(name, line, error.message) : error;
  }
}
