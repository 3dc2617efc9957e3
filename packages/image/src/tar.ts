export type TarType = 'file' | 'directory' | 'symlink' | 'hardlink' | 'character' | 'block' | 'fifo';

/** What a tar archive says about one entry. */
export interface TarHeader {
  /** Without leading `./` or `/` and without trailing `/`; the root directory itself is the empty path. Not yet trusted: `..` is the reader's to refuse. */
  readonly path: string;
  readonly type: TarType;
  /** The permission bits with setuid, setgid and sticky, 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, may have a fraction. */
  readonly mtime: number;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  /** Target of a symlink as it is; of a hardlink, the path of an entry. */
  readonly linkname?: string;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Extended attributes, kept as pax `SCHILY.xattr.` records. */
  readonly xattrs?: Readonly<Record<string, Buffer>>;
}

/** Bytes in memory, a file of this machine, or what opens a stream when its turn comes. */
export type TarContent = Uint8Array | { readonly file: string } | (() => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>);

/** An entry to be written. A file's content must have `size` bytes. */
export interface TarEntry extends TarHeader {
  readonly content?: TarContent;
}

export const BLOCK = 512;

/** Rounds up to whole tar blocks. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
