import type { Readable } from 'node:stream';
import type { WrittenBlob } from '../blob.ts';

/** A file that is open for reading; `read` closes it at its end, else `close` has to. */
export interface OpenFile {
  readonly size: number;
  /** The bytes from `first` to `last`, both included. */
  read(first: number, last: number): Readable;
  close(): Promise<void>;
}

/** A content on its way in: hashed while it is written, seen by nobody before `place`. */
export interface Draft {
  /** The bytes written so far. */
  readonly size: number;
  /** Takes the chunk over: its memory must not change afterwards. */
  write(chunk: Uint8Array): Promise<void>;
  /** The content is complete and durable. */
  finish(): Promise<WrittenBlob>;
  /** Makes the finished content visible under a path, at once. */
  place(path: string): Promise<void>;
  /** Removes it, unless placed. Safe to call at any time. */
  discard(): Promise<void>;
}

export interface Listed {
  readonly name: string;
  readonly isDirectory: boolean;
}

/**
 * Where a registry's files are: a directory or memory. Paths are relative, with `/`, and made by `savedRegistryPaths` from names that
 * were checked: nothing here looks at them again. Every change is seen whole or not at all.
 */
export interface RegistryFiles extends AsyncDisposable {
  /** What a person calls it. */
  readonly title: string;
  /** Bytes of a file; undefined when there is none. */
  size(path: string): Promise<number | undefined>;
  /** A small file's content; undefined when there is none. */
  read(path: string): Promise<Buffer | undefined>;
  open(path: string): Promise<OpenFile | undefined>;
  /** What is in a directory; nothing when there is none. Links are left out. */
  list(path: string): Promise<readonly Listed[]>;
  write(path: string, content: string | Uint8Array): Promise<void>;
  /** Removes a file, or a directory with all in it. False when there is none. */
  remove(path: string): Promise<boolean>;
  draft(): Promise<Draft>;
}
