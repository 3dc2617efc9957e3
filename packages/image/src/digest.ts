import { createHash } from 'node:crypto';
import { SealosError } from './error.ts';

/** A content digest, `sha256:` and 64 lower-case hex digits (image-spec, descriptor.md#digests). sha512 is refused everywhere. */
export type Digest = `sha256:${string}`;

const PATTERN = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return PATTERN.test(text);
}

/** Throws `bad-digest` for anything but a sha256 digest. */
export function parseDigest(text: string): Digest {
  if (!isDigest(text)) throw new SealosError('bad-digest', `'${text}' is not a sha256 digest`, { exitCode: 2 });
  return text;
}

/** The digest of bytes that are in memory already. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** The 64 hex digits: a blob's file name in an OCI layout. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}
