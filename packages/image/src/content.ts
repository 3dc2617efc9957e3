import type { Readable } from 'node:stream';
import type { Descriptor } from './manifest.ts';
import type { Reference } from './reference.ts';

export interface ContentOptions {
  readonly signal?: AbortSignal | undefined;
}

/**
 * Something that holds images by name and content by digest: the store, a registry, an archive. A copy goes from a source to a
 * sink, whatever the two are.
 */
export interface ContentSource {
  /** The manifest or index under a name. Throws `image-not-found`. */
  resolve(reference: Reference, options?: ContentOptions): Promise<Descriptor>;
  /**
   * The bytes of a manifest, config or layer, from `offset` on; not yet verified (`verified()` does it). Throws `content-not-found`.
   * `reference` says in which repository a registry looks; the store ignores it.
   */
  fetch(reference: Reference, descriptor: Descriptor, options?: ContentOptions & { readonly offset?: number }): Promise<Readable>;
}

export interface WriteOptions extends ContentOptions {
  /** Opens the content again from a byte offset, for a sink that can go on after `body` failed half-way. Others ignore it. */
  readonly resume?: ((offset: number) => Promise<Readable>) | undefined;
}

export interface ContentSink {
  has(reference: Reference, descriptor: Descriptor, options?: ContentOptions): Promise<boolean>;
  /** Takes the whole content; it becomes visible only when its size and digest are those of the descriptor, else throws `content-mismatch`. */
  write(reference: Reference, descriptor: Descriptor, body: Readable, options?: WriteOptions): Promise<void>;
  /** Gives a manifest or index, already written, its name. */
  tag(reference: Reference, descriptor: Descriptor, options?: ContentOptions): Promise<void>;
}

/** What a copy, a build or a saving reports while it works. */
export type TransferEvent =
  | { readonly kind: 'start'; readonly id: string; readonly title: string; readonly bytes?: number }
  | { readonly kind: 'progress'; readonly id: string; readonly bytes: number }
  | { readonly kind: 'skip'; readonly id: string; readonly title: string; readonly why: string }
  | { readonly kind: 'done'; readonly id: string };

export type OnTransfer = (event: TransferEvent) => void;
