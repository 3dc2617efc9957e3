import { X509Certificate } from 'node:crypto';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { badInput } from '@sealos/image';
import { readIfThere, writePrivateFile } from '../state/private-file.ts';

/** Without these a cluster that stands cannot be gone on with: nothing that others would be trusted. */
const NEEDED = ['ca', 'front-proxy-ca', 'etcd/ca'].flatMap((path) => [`pki/${path}.crt`, `pki/${path}.key`]).concat('pki/sa.key');

const GROUPS = 'admin-groups';

/**
 * Where a control-plane host's serving certificates lie below `home`: those of the host where the cluster began in `pki`, as sealos has
 * it, all others' in `pki/hosts/NAME`. They stay there when another host becomes the first.
 */
export async function servingDirectory(home: string, nodeName: string, isFirst: boolean): Promise<string> {
  const own = join('pki', 'hosts', nodeName);
  if (await isThere(join(home, own))) return own;
  const owner = await ownerOf(join(home, 'pki', 'etcd', 'server.crt'));
  if (owner === undefined) return isFirst ? 'pki' : own;
  return owner === nodeName ? 'pki' : own;
}

/** The name of the node that etcd's certificate is for, or undefined where there is none to be read. */
async function ownerOf(path: string): Promise<string | undefined> {
  const text = await readIfThere(path);
  try {
    return text === undefined ? undefined : /^CN=(.*)$/m.exec(new X509Certificate(text).subject)?.[1];
  } catch {
    return undefined;
  }
}

/** Throws bad input where a file is missing that every host of the cluster trusts. */
export async function requireAuthorities(home: string): Promise<void> {
  for (const path of NEEDED) {
    if (await isThere(join(home, path))) continue;
    throw badInput(
      'no-authority',
      `${join(home, path)} is missing, and the cluster trusts no other`,
      'restore it from a backup, or copy it from /etc/kubernetes/pki of a control-plane host (to its place here, mode 0600)',
    );
  }
}

/** The groups in the administrator's certificate that were chosen for this cluster; none: the usual one. */
export async function adminGroups(home: string): Promise<readonly string[]> {
  return ((await readIfThere(join(home, 'etc', GROUPS))) ?? '').split('\n').filter((line) => line !== '');
}

/** Chooses them for all of the administrator's certificates that are made from now on. */
export async function rememberAdminGroups(home: string, groups: readonly string[]): Promise<void> {
  await writePrivateFile(join(home, 'etc', GROUPS), groups.map((group) => `${group}\n`).join(''));
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
