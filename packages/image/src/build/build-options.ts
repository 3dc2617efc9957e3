import type { ContentOptions, OnTransfer } from '../content.ts';
import type { Kubefile } from '../kubefile/instruction.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import type { Compression } from '../media-types.ts';
import type { Reference } from '../reference.ts';

/** Where a secret of `RUN --mount=type=secret` comes from. */
export type SecretSource = { readonly file: string } | { readonly variable: string };

/** A directory or file of this machine that every RUN sees (`--volume`). Paths are absolute. */
export interface Volume {
  readonly source: string;
  readonly target: string;
  /** `scratch`: it may be written to, and what is written is thrown away. */
  readonly access: 'read' | 'write' | 'scratch';
}

/** What `--build-context NAME=…` names: an image, or a directory on this machine. */
export type NamedContext = { readonly image: string } | { readonly directory: string };

export interface BuildOptions extends ContentOptions {
  /** The directory with what is copied. */
  readonly context: string;
  /** The build file; default: the first of `Kubefile`, `Dockerfile`, `Sealfile`, `Containerfile` in the context. */
  readonly file?: string | undefined;
  /** That file, when it is read already: it may be a pipe, which can be read once. */
  readonly kubefile?: Kubefile | undefined;
  /** What the image is called; without a name it is in the store until the next collection. */
  readonly names?: readonly string[] | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly buildArgs?: Readonly<Record<string, string>> | undefined;
  /** What FROM and --from may call by these names, before stages and images. */
  readonly contexts?: Readonly<Record<string, NamedContext>> | undefined;
  /** The image of the first FROM, in place of what stands there. */
  readonly from?: string | undefined;
  /** Variables and labels that the image does not keep. */
  readonly unset?: { readonly env: readonly string[]; readonly labels: readonly string[] } | undefined;
  /** Of the manifest, over those that say what the base image is. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** The stage that becomes the image, by name or number; default: the last. */
  readonly target?: string | undefined;
  /** Default: the base image's, for scratch this machine's. */
  readonly platform?: Platform | undefined;
  /** Of all layers but that of saved images, which is not compressed again. Default zstd, in Docker's format gzip. */
  readonly compression?: Compression | undefined;
  /** The manifest's form. Default OCI. */
  readonly format?: 'oci' | 'docker' | undefined;
  /** Make one layer of all that the build adds. */
  readonly squash?: boolean | undefined;
  /** Carry out every instruction, whatever earlier builds left. */
  readonly noCache?: boolean | undefined;
  /** What is left out of the context; default: its `.containerignore`, else `.dockerignore`. */
  readonly ignoreFile?: string | undefined;
  /** By id. */
  readonly secrets?: Readonly<Record<string, SecretSource>> | undefined;
  /** Sockets of SSH agents on this machine, by the id under which `RUN --mount=type=ssh` asks for them. */
  readonly agents?: Readonly<Record<string, string>> | undefined;
  readonly volumes?: readonly Volume[] | undefined;
  /** For RUN without `--network`. Default: the machine's own. */
  readonly network?: 'host' | 'none' | undefined;
  /** Fetches an image that FROM or --from names into the store; without it a missing one is an error. */
  readonly pull?: ((reference: Reference, platform: Platform | undefined) => Promise<void>) | undefined;
  /** Fetch them even when they are there. */
  readonly alwaysPull?: boolean | undefined;
  readonly onEvent?: OnTransfer | undefined;
  /** Told what RUN prints, as it comes. */
  readonly onOutput?: ((text: string) => void) | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

export interface BuildResult {
  readonly descriptor: Descriptor;
  readonly names: readonly Reference[];
  readonly platform: Platform;
  /** Whether something was copied to the image's `registry/`. */
  readonly hasSavedImages: boolean;
  /** Whether every layer is of an earlier build. */
  readonly isUnchanged: boolean;
  /** What the user should know, one line each. */
  readonly warnings: readonly string[];
}
