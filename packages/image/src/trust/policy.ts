import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as v from 'valibot';
import { badInput } from '../error.ts';
import { parseJson } from '../json.ts';
import { formatReference, type Reference } from '../reference.ts';
import { signedIdentity } from './identity.ts';

const strings = v.array(v.string());
const sigstoreSigned = v.looseObject({
  type: v.literal('sigstoreSigned'),
  keyPath: v.exactOptional(v.string()),
  keyPaths: v.exactOptional(strings),
  keyData: v.exactOptional(v.string()),
  keyDatas: v.exactOptional(strings),
  signedIdentity: v.optional(signedIdentity, { type: 'matchRepoDigestOrExact' }),
});
const requirement = v.variant('type', [
  v.strictObject({ type: v.literal('insecureAcceptAnything') }),
  v.strictObject({ type: v.literal('reject') }),
  v.looseObject({ type: v.literal('signedBy') }),
  sigstoreSigned,
]);
const requirements = v.pipe(v.array(requirement), v.minLength(1, 'the list is empty'));
const document = v.strictObject({
  default: requirements,
  transports: v.exactOptional(v.record(v.string(), v.record(v.string(), requirements))),
});

/** One thing that an image has to fulfil (containers-policy.json(5)). */
export type Requirement = v.InferOutput<typeof requirement>;
export type SigstoreSigned = v.InferOutput<typeof sigstoreSigned>;

export interface Policy {
  /** The file that it was read from. */
  readonly path: string;
  readonly document: v.InferOutput<typeof document>;
}

/** What a policy demands of an image, and the scope there that says so. */
export interface Demanded {
  readonly scope: string;
  readonly requirements: readonly Requirement[];
}

/**
 * The policy for images: the named file, else the user's `containers/policy.json`, else `/etc/containers/policy.json`; undefined when
 * there is none, which accepts everything. Throws `bad-policy` (exit 2): one that cannot be read lets nothing pass.
 */
export async function readPolicy(named: string | undefined, environment: NodeJS.ProcessEnv = process.env): Promise<Policy | undefined> {
  const config = environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config');
  const candidates = named === undefined ? [join(config, 'containers', 'policy.json'), '/etc/containers/policy.json'] : [named];
  for (const path of candidates) {
    const bytes = await readFile(path).catch((error: unknown) => {
      const isAbsent = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
      if (named === undefined && isAbsent) return undefined;
      throw badInput('bad-policy', `the policy ${path} cannot be read: ${error instanceof Error ? error.message : error}`);
    });
    if (bytes !== undefined) return parsePolicy(bytes, path);
  }
  return undefined;
}

/** Reads a policy's text. What is not known there is refused: it may be a condition that would be missed. Throws `bad-policy` (exit 2). */
export function parsePolicy(bytes: Uint8Array, path: string): Policy {
  let value: unknown;
  try {
    value = parseJson(bytes, path);
  } catch (error) {
    throw badInput('bad-policy', error instanceof Error ? error.message : String(error));
  }
  const parsed = v.safeParse(document, value, { abortEarly: true });
  if (parsed.success) return { path, document: parsed.output };
  const [issue] = parsed.issues;
  const where = v.getDotPath(issue);
  throw badInput(
    'bad-policy',
    `the policy ${path} is not valid${where === null ? '' : ` at ${where}`}: ${issue.message}`,
    'see containers-policy.json(5)',
  );
}

/** Whether an image of that name needs anything to be let in. */
export function demandsNothing(policy: Policy | undefined, reference: Reference): boolean {
  return policy === undefined || demandsOn(policy, reference).requirements.every(({ type }) => type === 'insecureAcceptAnything');
}

/** The most specific scope for a name decides alone: the image, its repository, the namespaces above, the host, `*.` domains, the defaults. */
export function demandsOn(policy: Policy, reference: Reference): Demanded {
  const scopes = policy.document.transports?.['docker'] ?? {};
  for (const scope of scopesOf(reference)) {
    const found = Object.hasOwn(scopes, scope) ? scopes[scope] : undefined;
    if (found !== undefined) return { scope: scope === '' ? 'docker (default)' : scope, requirements: found };
  }
  return { scope: 'default', requirements: policy.document.default };
}

function scopesOf(reference: Reference): readonly string[] {
  const { registry, repository, digest } = reference;
  const path = `${registry}/${repository}`;
  const exact = digest === undefined ? formatReference(reference) : `${path}@${digest}`;
  const parts = path.split('/');
  const parents = parts.map((_, count) => parts.slice(0, parts.length - count).join('/'));
  const labels = registry.replace(/:\d+$/, '').split('.');
  const wildcards = labels.slice(1).map((_, count) => `*.${labels.slice(count + 1).join('.')}`);
  return [exact, ...parents, ...wildcards, ''];
}
