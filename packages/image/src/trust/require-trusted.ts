import type { ContentOptions, ContentSource } from '../content.ts';
import { badInput, type SealosError } from '../error.ts';
import type { Descriptor } from '../manifest.ts';
import { familiarName, type Reference } from '../reference.ts';
import { type ImageSignature, readClaims } from './claims.ts';
import { identityMatches } from './identity.ts';
import { demandsOn, type SigstoreSigned } from './policy.ts';
import { readPublicKey } from './public-key.ts';
import { readKeyFile, type Trust, type VerifyKey } from './trust.ts';

export interface Candidate {
  /** The image's name, which decides what is demanded. */
  readonly reference: Reference;
  /** What the name means, and what was picked out of it or what it was picked from: a signature of any of these will do. */
  readonly chain: readonly Descriptor[];
}

/**
 * The one place where it is decided whether an image may come into the store, into a cluster image's `registry/`, or go to hosts. `sources` are where its signatures may
 * be. Throws `not-trusted` (exit 2), naming the image, the policy and its scope.
 */
export async function requireTrusted(
  sources: readonly ContentSource[],
  candidate: Candidate,
  trust: Trust,
  options: ContentOptions = {},
): Promise<void> {
  const { reference } = candidate;
  const name = familiarName(reference);
  let signatures: readonly ImageSignature[] | undefined;
  const read = async () => (signatures ??= await signaturesOf(sources, candidate, options));

  if (trust.keys.length > 0 && !(await read()).some((signature) => trust.keys.some(({ key }) => signature(key) !== undefined))) {
    const keys = trust.keys.map((key) => key.name).join(', ');
    throw refused(`${name} is refused: ${what(await read())} with ${keys}`, reference);
  }
  if (trust.policy === undefined) return;
  const { path } = trust.policy;
  const { scope, requirements } = demandsOn(trust.policy, reference);
  const because = `${path} (scope '${scope}')`;
  for (const requirement of requirements) {
    if (requirement.type === 'insecureAcceptAnything') continue;
    if (requirement.type === 'reject') {
      throw badInput(
        'not-trusted',
        `${name} is refused: ${because} rejects it`,
        `if it is to be used, give it a scope of its own in ${path}`,
      );
    }
    if (requirement.type === 'signedBy') {
      const hint = 'GPG signatures cannot be checked here: demand sigstoreSigned with a public key, or accept this scope';
      throw badInput('not-trusted', `${name} is refused: ${because} demands signedBy, which is not supported`, hint);
    }
    const keys = await keysOf(requirement, because);
    const ours = (await read()).flatMap((signature) => keys.flatMap(({ key }) => signature(key) ?? []));
    if (ours.length === 0) throw refused(`${name} is refused: ${what(await read())} with the key that ${because} demands`, reference);
    if (!ours.some(({ identity }) => identity !== undefined && identityMatches(requirement.signedIdentity, reference, identity))) {
      const signedAs = ours.find(({ identity }) => identity !== undefined)?.identity;
      if (signedAs === undefined) {
        throw badInput(
          'not-trusted',
          `${name} is refused: its signature names no image (cosign 3 leaves the name away), and ${because} demands one`,
          'have it signed by sealos sign, or by cosign with --new-bundle-format=false; --verify-key KEY takes it as it is where the policy does not forbid it',
        );
      }
      throw badInput(
        'not-trusted',
        `${name} is refused: it is signed as '${signedAs}', which ${because} does not accept for it`,
        `sign it under this name, or give the requirement a signedIdentity (cosign leaves the tag away: matchRepository)`,
      );
    }
  }
}

async function signaturesOf(
  sources: readonly ContentSource[],
  candidate: Candidate,
  options: ContentOptions,
): Promise<readonly ImageSignature[]> {
  const { reference, chain } = candidate;
  const found: ImageSignature[] = [];
  for (const source of sources) {
    for (const digest of new Set(chain.map((descriptor) => descriptor.digest))) {
      found.push(...(await readClaims(source, reference, digest, options)));
    }
  }
  return found;
}

async function keysOf(requirement: SigstoreSigned, because: string): Promise<readonly VerifyKey[]> {
  const { type, signedIdentity, keyPath, keyPaths, keyData, keyDatas, ...others } = requirement;
  const [unknown] = Object.keys(others);
  // A Fulcio identity or a transparency log would be a condition more: it must not be passed over.
  if (unknown !== undefined) {
    throw badInput(
      'not-trusted',
      `${because} demands '${unknown}' of ${type}, which is not supported`,
      'demand a public key: keyPath or keyData',
    );
  }
  const given = [keyPath, keyPaths, keyData, keyDatas].filter((one) => one !== undefined);
  if (given.length !== 1) throw badInput('bad-policy', `${because}: ${type} needs one of keyPath, keyPaths, keyData and keyDatas`);
  const files = keyPaths ?? (keyPath === undefined ? [] : [keyPath]);
  const data = keyDatas ?? (keyData === undefined ? [] : [keyData]);
  return [
    ...(await Promise.all(files.map(readKeyFile))),
    ...data.map((text) => ({ name: 'keyData', key: readPublicKey(Buffer.from(text, 'base64'), `the keyData of ${because}`) })),
  ];
}

function what(signatures: readonly ImageSignature[]): string {
  if (signatures.length === 0) return 'it has no signature, and has to be signed';
  return signatures.length === 1 ? 'its signature is not' : `none of its ${signatures.length} signatures is`;
}

function refused(message: string, reference: Reference): SealosError {
  const name = familiarName(reference);
  return badInput(
    'not-trusted',
    message,
    `ask its maker for a signature, or vouch for it yourself: sealos sign --key cosign.key docker://${name}`,
  );
}
