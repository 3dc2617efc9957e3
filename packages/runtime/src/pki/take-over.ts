import { join } from 'node:path';
import { SealosError } from '@sealos/image';
import type { Host } from '../host/host.ts';
import { readIfThere, writePrivateFile } from '../state/private-file.ts';
import { servingDirectory } from './operator-files.ts';

/** Files of `/etc/kubernetes/pki` that every control-plane host has alike. */
const SHARED = [
  ...[
    'ca',
    'front-proxy-ca',
    'etcd/ca',
    'apiserver-kubelet-client',
    'front-proxy-client',
    'apiserver-etcd-client',
    'etcd/healthcheck-client',
  ].flatMap((path) => [`${path}.crt`, `${path}.key`]),
  'sa.key',
  'sa.pub',
];
/** A key first: a certificate without one is not used. */
const SERVING = ['apiserver', 'etcd/server', 'etcd/peer'].flatMap((path) => [`${path}.key`, `${path}.crt`]);

/** A control-plane host that is part of the cluster. */
export interface PkiSource {
  readonly host: Pick<Host, 'name' | 'readFile'>;
  readonly nodeName: string;
}

/**
 * Copies what `ensurePki` keeps under `home` from the hosts of a cluster that stands, for an operator that has lost it or never had it:
 * authorities, their keys, leaf certificates and the administrator's kubeconfig. What lies there already stays. The first of `masters` is
 * the one whose certificates go to `pki` itself. Returns the paths that were written; throws where an authority is on none of the hosts.
 */
export async function takeOverPki(home: string, masters: readonly PkiSource[], signal: AbortSignal): Promise<readonly string[]> {
  const written: string[] = [];
  const copy = async (sources: readonly PkiSource[], from: string, to: string): Promise<boolean> => {
    if ((await readIfThere(join(home, to))) !== undefined) return true;
    for (const { host } of sources) {
      const content = await host.readFile(`/etc/kubernetes/${from}`, { signal });
      if (content === undefined) continue;
      await writePrivateFile(join(home, to), content);
      written.push(to);
      return true;
    }
    return false;
  };
  for (const path of SHARED) {
    const found = await copy(masters, `pki/${path}`, `pki/${path}`);
    if (!found && /(?:^|-|\/)ca\.|^sa\.key$/.test(path)) {
      throw new SealosError(
        'no-authority',
        `/etc/kubernetes/pki/${path} is on none of ${masters.map(({ host }) => host.name).join(', ')}`,
        {
          hint: 'a cluster whose authorities are kept elsewhere cannot be taken over; copy them there from where they are kept',
          exitCode: 2,
        },
      );
    }
  }
  await copy(masters, 'admin.conf', 'etc/admin.conf');
  for (const [index, source] of masters.entries()) {
    const directory = await servingDirectory(home, source.nodeName, index === 0);
    for (const path of SERVING) await copy([source], `pki/${path}`, join(directory, path));
  }
  return written;
}
