import { TOKEN_FILES } from '../k3s/tokens.ts';
import type { ClusterState } from './state.ts';

/**
 * Secret files of the state that another operator needs: settings given with `-e`, secret variables, the registry's password and logins,
 * when etcd is saved (with the storage's keys), what lets hosts into k3s.
 */
const COPIED = [
  'admin-groups',
  'environment.json',
  'environment.yml',
  'registry-password',
  'registry_htpasswd',
  'etcd-schedule.json',
  ...Object.values(TOKEN_FILES),
];

/** Their contents, by name; those that are there. */
export async function copiedSecrets(state: ClusterState): Promise<Readonly<Record<string, string>>> {
  const entries = await Promise.all(COPIED.map(async (name) => [name, await state.readSecret(name)] as const));
  return Object.fromEntries(entries.flatMap(([name, content]) => (content === undefined ? [] : [[name, content]])));
}

/** Puts copied secrets back. Names that are none of these are left out: what comes from a cluster does not choose files here. */
export async function restoreCopiedSecrets(state: ClusterState, secrets: Readonly<Record<string, string>>): Promise<void> {
  for (const name of COPIED) {
    const content = secrets[name];
    if (content !== undefined) await state.writeSecret(name, content);
  }
}
