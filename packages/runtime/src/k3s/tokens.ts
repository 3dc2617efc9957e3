import { randomBytes } from 'node:crypto';
import type { ClusterState } from '../state/state.ts';

/** What lets hosts into a k3s cluster: secrets. */
export interface K3sTokens {
  /** For control planes; whoever has it can read everything of the cluster. */
  readonly server: string;
  /** For workers. */
  readonly agent: string;
}

/** The names that sealos gives them, among the operator's secrets and on hosts. */
export const TOKEN_FILES = { server: 'token', agent: 'agent-token' } as const satisfies Readonly<Record<keyof K3sTokens, string>>;

/**
 * The cluster's tokens, made once: they are in the state before the first host has them. In a dry run new ones are kept nowhere.
 */
export async function ensureTokens(
  state: Pick<ClusterState, 'readSecret' | 'writeSecret'>,
  { dryRun }: { readonly dryRun: boolean },
): Promise<K3sTokens> {
  const ensure = async (name: string) => {
    const known = (await state.readSecret(name))?.trim();
    if (known) return known;
    const token = randomBytes(32).toString('hex');
    if (!dryRun) await state.writeSecret(name, token);
    return token;
  };
  return { server: await ensure(TOKEN_FILES.server), agent: await ensure(TOKEN_FILES.agent) };
}
