import * as v from 'valibot';
import { formatReference, isSameRepository, parseReference, type Reference } from '../reference.ts';

const prefix = v.pipe(v.string(), v.regex(/^[a-z0-9.:/_-]+$/i, 'it is not a host, namespace or repository'));

/** containers-policy.json(5), `signedIdentity`: which name a signature has to claim for an image. */
export const signedIdentity = v.variant('type', [
  v.strictObject({ type: v.literal('matchExact') }),
  v.strictObject({ type: v.literal('matchRepoDigestOrExact') }),
  v.strictObject({ type: v.literal('matchRepository') }),
  v.strictObject({ type: v.literal('exactReference'), dockerReference: v.string() }),
  v.strictObject({ type: v.literal('exactRepository'), dockerRepository: v.string() }),
  v.strictObject({ type: v.literal('remapIdentity'), prefix, signedPrefix: prefix }),
]);
export type SignedIdentity = v.InferOutput<typeof signedIdentity>;

/** Whether the name in a signature is one that the rule accepts for the image. A name in a form that is none is never accepted. */
export function identityMatches(rule: SignedIdentity, image: Reference, claimed: string): boolean {
  const signed = readName(claimed);
  if (signed === undefined) return false;
  switch (rule.type) {
    case 'matchExact':
      return isExact(image, signed);
    case 'matchRepoDigestOrExact':
      return isExactOrDigest(image, signed);
    case 'matchRepository':
      return isSameRepository(image, signed);
    case 'exactReference': {
      const wanted = readName(rule.dockerReference);
      return wanted !== undefined && isExact(wanted, signed);
    }
    case 'exactRepository': {
      const wanted = readName(rule.dockerRepository);
      return wanted !== undefined && isSameRepository(wanted, signed);
    }
    case 'remapIdentity': {
      const mapped = readName(remap(formatReference(image), rule.prefix, rule.signedPrefix));
      return mapped !== undefined && isExactOrDigest(mapped, signed);
    }
  }
}

function isExactOrDigest(image: Reference, signed: Reference): boolean {
  // With a digest it is certain already which image is meant: its tags say nothing more.
  return image.digest === undefined ? isExact(image, signed) : isSameRepository(image, signed);
}

// A bare repository, which is what cosign signs, is no exact name.
function isExact(image: Reference, signed: Reference): boolean {
  const isWhole = signed.tag !== undefined || signed.digest !== undefined;
  return isWhole && formatReference(image) === formatReference(signed);
}

function remap(name: string, from: string, to: string): string {
  if (!name.startsWith(from)) return name;
  // `host` is not the beginning of `host.example.org`; where only a host is mapped its port belongs to it.
  const next = from.includes('/') ? /^[/:@]|^$/ : /^\/|^$/;
  const rest = name.slice(from.length);
  return next.test(rest) ? `${to}${rest}` : name;
}

// Without the tag that `parseReference` adds where none is written.
function readName(text: string): Reference | undefined {
  try {
    const { tag, ...name } = parseReference(text);
    const isTagged = /:[\w][\w.-]*$/.test(text.split('@', 1)[0]?.replace(/^.*\//, '') ?? '');
    return isTagged && tag !== undefined ? { ...name, tag } : name;
  } catch {
    return undefined;
  }
}
