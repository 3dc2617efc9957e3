import type { MountSpec } from './run-mount.ts';

/** What a build has to do, in order. Steps of kind `config` change only the image's configuration. */
export type BuildStep = { readonly line: number; readonly text: string } & (
  | { readonly kind: 'config' }
  | { readonly kind: 'directory'; readonly path: string; readonly owner?: string }
  | CopyStep
  | RunStep
);

/** COPY and ADD with their variables replaced. */
export interface CopyStep {
  readonly kind: 'copy';
  readonly keyword: 'COPY' | 'ADD';
  readonly sources: readonly string[];
  /** Here-documents: each is a file. */
  readonly documents: readonly { readonly name: string; readonly content: string }[];
  /** A stage or an image instead of the context. */
  readonly from?: string;
  /** Absolute; with a slash at its end it is a directory whatever is copied. */
  readonly destination: string;
  readonly chown?: string;
  readonly chmod?: number;
  readonly checksum?: string;
  readonly parents?: boolean;
  readonly excludes?: readonly string[];
  readonly link?: boolean;
}

export interface RunStep {
  readonly kind: 'run';
  /** The command and its arguments; the shell is among them. */
  readonly argv: readonly string[];
  /** A here-document that is a program of its own (`#!`): run as a file, with `argv` empty. */
  readonly program?: string;
  /** The image's variables, and the ARGs that are declared so far. */
  readonly env: Readonly<Record<string, string>>;
  /** As USER says. */
  readonly user: string;
  readonly workdir: string;
  readonly network: 'default' | 'none' | 'host';
  readonly mounts: readonly MountSpec[];
}
