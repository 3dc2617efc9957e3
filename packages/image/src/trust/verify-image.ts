import type { ContentOptions, ContentSource } from '../content.ts';
import type { Digest } from '../digest.ts';
import { badInput } from '../error.ts';
import { familiarName, type Reference } from '../reference.ts';
import { chainIn } from './admission.ts';
import { readClaims } from './claims.ts';
import type { SignedClaim } from './simple-signing.ts';
import type { VerifyKey } from './trust.ts';

export interface VerifyOptions extends ContentOptions {
  readonly keys: readonly VerifyKey[];
  /** What the signature has to say besides. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface VerifiedClaim extends SignedClaim {
  /** The key that signed it, as `VerifyKey` names it. */
  readonly by: string;
}

export interface VerifiedImage {
  /** What the name means: take this digest, and no other image can come instead. */
  readonly digest: Digest;
  readonly claims: readonly VerifiedClaim[];
}

/** Checks an image's signatures, as `cosign verify --key` does. Throws `not-trusted` (exit 2) when none is by one of the keys. */
export async function verifyImage(source: ContentSource, reference: Reference, options: VerifyOptions): Promise<VerifiedImage> {
  const { keys, annotations = {} } = options;
  const descriptor = await source.resolve(reference, options);
  const claims: VerifiedClaim[] = [];
  let others = 0;
  for (const { digest } of await chainIn(source, reference, descriptor, options)) {
    for (const signature of await readClaims(source, reference, digest, options)) {
      const found = keys.flatMap((key) => {
        const claim = signature(key.key);
        return claim === undefined ? [] : [{ ...claim, by: key.name }];
      });
      claims.push(...found);
      if (found.length === 0) others += 1;
    }
  }
  const name = familiarName(reference);
  const names = keys.map((key) => key.name).join(', ');
  if (claims.length === 0) {
    const what = others === 0 ? 'has no signature' : `has ${others === 1 ? 'a signature' : `${others} signatures`}, but none with ${names}`;
    throw badInput('not-trusted', `${name} (${descriptor.digest.slice(0, 19)}) ${what}`, `sign it: sealos sign --key cosign.key ${name}`);
  }
  const wanted = Object.entries(annotations);
  const fitting = claims.filter((claim) => wanted.every(([key, value]) => claim.annotations[key] === value));
  if (fitting.length > 0) return { digest: descriptor.digest, claims: fitting };
  const missing = wanted.map(([key, value]) => `${key}=${value}`).join(', ');
  throw badInput('not-trusted', `${name} is signed with ${names}, but no signature says ${missing}`);
}
