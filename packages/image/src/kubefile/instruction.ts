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
  | {
      readonly kind: 'copy';
      readonly sources: readonly string[];
      readonly destination: string;
      readonly chown?: string;
      readonly chmod?: string;
    }
  | { readonly kind: 'cmd' | 'entrypoint'; readonly form: 'json' | 'shell'; readonly words: readonly string[] }
  | { readonly kind: 'expose' | 'volume'; readonly words: readonly string[] }
  | { readonly kind: 'workdir' | 'user' | 'stopsignal' | 'maintainer'; readonly value: string };

export interface Pair {
  readonly key: string;
  readonly value: string;
}

/** A parsed build file. */
export interface Kubefile {
  /** The file's name as errors show it, e.g. `Kubefile`. */
  readonly name: string;
  /** All instructions before the first `FROM`: only ARG can be there. */
  readonly heading: readonly (Instruction & { readonly kind: 'arg' })[];
  readonly from: Instruction & { readonly kind: 'from' };
  /** What follows `FROM`. */
  readonly instructions: readonly Instruction[];
}
