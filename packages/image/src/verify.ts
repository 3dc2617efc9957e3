import { createHash } from 'node:crypto';
import { pipeline, type Readable, Transform } from 'node:stream';
import type { ContentOptions, ContentSource } from './content.ts';
import type { Digest } from './digest.ts';
import { SealosError } from './error.ts';
import { JSON_LIMIT } from './json.ts';
import type { Descriptor } from './manifest.ts';
import type { Reference } from './reference.ts';

/** The error of content that is not what its descriptor says. */
export function mismatch(descriptor: Descriptor, found: { readonly size?: number; readonly digest?: Digest }): SealosError {
  const short = descriptor.digest.slice(0, 19);
  if (found.size !== undefined) {
    const size = found.size > descriptor.size ? `more than ${descriptor.size}` : `${found.size} instead of ${descriptor.size}`;
    return new SealosError('content-mismatch', `${short} has ${size} bytes`, {
      hint: 'the content was cut or replaced on its way: try again',
    });
  }
  return new SealosError('content-mismatch', `${short} has another content: its digest is ${found.digest?.slice(0, 19)}`, {
    hint: 'the content was changed on its way or where it is kept',
  });
}

/**
 * Passes a content on and errors (`content-mismatch`) as soon as it is longer than its descriptor says, or at its end when size
 * or digest differ. Whoever reads it to the end without error has read the right bytes.
 */
export function verified(stream: Readable, descriptor: Descriptor): Readable {
  const hash = createHash('sha256');
  let size = 0;
  const check = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      size += chunk.length;
      if (size > descriptor.size) return done(mismatch(descriptor, { size }));
      hash.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      if (size !== descriptor.size) return done(mismatch(descriptor, { size }));
      const digest: Digest = `sha256:${hash.digest('hex')}`;
      done(digest === descriptor.digest ? null : mismatch(descriptor, { digest }));
    },
  });
  pipeline(stream, check, () => {}); // an error of the source destroys `check` with it, which is where the reader sees it
  return check;
}

/** A whole small content (manifest, config), verified. Throws `bad-content` when it is bigger than `limit` bytes (default 4 MiB). */
export async function readContent(
  source: ContentSource,
  reference: Reference,
  descriptor: Descriptor,
  options: ContentOptions & { readonly limit?: number } = {},
): Promise<Buffer> {
  const limit = options.limit ?? JSON_LIMIT;
  if (descriptor.size > limit) {
    throw new SealosError('bad-content', `${descriptor.digest.slice(0, 19)} has ${descriptor.size} bytes, at most ${limit} are read`);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of verified(await source.fetch(reference, descriptor, options), descriptor)) chunks.push(chunk);
  return Buffer.concat(chunks);
}
