/** One instruction of a Kubefile, taken apart but with its variables not replaced yet. */
export type Instruction = Placed & InstructionBody;

interface Placed {
  /** Counted from 1, where the instruction begins. */
  readonly line: number;
  /** The whole instruction with its continuation lines joined, for the image's history. */
  readonly text: string;
}

export type InstructionBody =
  | { readonly kind: 'from'; readonly image: string; readonly platform?: string; readonly stage?: string }
  | { readonly kind: 'arg'; readonly words: readonly string[] }
  | { readonly kind: 'env' | 'label'; readonly pairs: readonly Pair[] }
  | CopyInstruction
  | RunInstruction
  | { readonly kind: 'cmd' | 'entrypoint'; readonly form: 'json' | 'shell'; readonly words: readonly string[] }
  | { readonly kind: 'expose' | 'volume'; readonly words: readonly string[] }
  | { readonly kind: 'workdir' | 'user' | 'stopsignal' | 'maintainer'; readonly value: string }
  | { readonly kind: 'shell'; readonly words: readonly string[] }
  | { readonly kind: 'healthcheck'; readonly check: Healthcheck }
  | { readonly kind: 'onbuild'; readonly trigger: string };

/** COPY and ADD. */
export interface CopyInstruction {
  readonly kind: 'copy';
  readonly keyword: 'COPY' | 'ADD';
  readonly sources: readonly string[];
  readonly destination: string;
  /** Here-documents among the sources: each becomes a file. */
  readonly documents: readonly HereDocument[];
  readonly from?: string;
  readonly chown?: string;
  readonly chmod?: string;
  /** `--checksum` of ADD: what the URL's content has to be. */
  readonly checksum?: string;
  /** `--parents`: the sources' directories are kept below the destination. */
  readonly parents?: boolean;
  /** `--exclude`: patterns of what is left out. */
  readonly excludes?: readonly string[];
  /** `--link`: the destination's links are not followed, and directories on the way are made anew. */
  readonly link?: boolean;
}

export interface RunInstruction {
  readonly kind: 'run';
  readonly form: 'json' | 'shell';
  /** One line in shell form. */
  readonly words: readonly string[];
  readonly documents: readonly HereDocument[];
  readonly network: 'default' | 'none' | 'host';
  /** Each as it is written, `type=cache,target=/x`. */
  readonly mounts: readonly string[];
}

/** Text in the build file itself: what follows `<<NAME` until a line that is NAME. */
export interface HereDocument {
  readonly name: string;
  readonly content: string;
  /** Whether variables in it are replaced: not when the name is quoted. */
  readonly expand: boolean;
}

/** Docker's `Healthcheck` of an image, times in nanoseconds. */
export interface Healthcheck {
  readonly Test: readonly string[];
  readonly Interval?: number;
  readonly Timeout?: number;
  readonly StartPeriod?: number;
  readonly StartInterval?: number;
  readonly Retries?: number;
}

export interface Pair {
  readonly key: string;
  readonly value: string;
}

/** One `FROM` with what follows it. */
export interface Stage {
  readonly from: Instruction & { readonly kind: 'from' };
  readonly instructions: readonly Instruction[];
}

/** A parsed build file. */
export interface Kubefile {
  /** The file's name as errors show it, e.g. `Kubefile`. */
  readonly name: string;
  /** As it was read. */
  readonly source: string;
  readonly escapeCharacter: string;
  /** All instructions before the first `FROM`: only ARG can be there. */
  readonly heading: readonly (Instruction & { readonly kind: 'arg' })[];
  /** At least one. */
  readonly stages: readonly Stage[];
}
