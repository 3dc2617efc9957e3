import { join } from 'node:path';
import { badInput } from '@sealos/image';
import { HostError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { readIfThere } from '../state/private-file.ts';

/** Who speaks with etcd, and whom it trusts: PEM texts. `key` is a secret. */
export interface EtcdIdentity {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

const PKI = '/etc/kubernetes/pki';

/** kubeadm's client for its own probes: it may do everything, as every client whose certificate etcd's CA signed. */
const files = { ca: 'etcd/ca.crt', cert: 'etcd/healthcheck-client.crt', key: 'etcd/healthcheck-client.key' } as const;

/**
 * The client certificate for a cluster's etcd: the operator's own (`<home>/pki/etcd`), else (a cluster that was taken over without it)
 * the one that a control-plane host holds. Throws bad input where neither is there.
 */
export async function etcdIdentity(pki: string, masters: readonly Host[], signal: AbortSignal): Promise<EtcdIdentity> {
  const own = await identityFrom((path) => readIfThere(join(pki, path)));
  if (own) return own;
  for (const host of masters) {
    const found = await identityOn(host, signal);
    if (found) return found;
  }
  throw badInput(
    'no-etcd-certificate',
    `there is no client certificate for etcd, neither in ${join(pki, 'etcd')} nor on a control-plane host`,
    'an etcd outside of the cluster is saved and restored with its own tools',
  );
}

/** The client certificate that a control-plane host holds. Throws HostError where it has none. */
export async function identityOf(host: Host, signal: AbortSignal): Promise<EtcdIdentity> {
  const found = await identityOn(host, signal);
  if (found) return found;
  throw new HostError('no-etcd-certificate', `there is no client certificate for its etcd in ${PKI}/etcd`, { host: host.name });
}

function identityOn(host: Host, signal: AbortSignal): Promise<EtcdIdentity | undefined> {
  return identityFrom(async (path) => {
    const content = await host.readFile(`${PKI}/${path}`, { signal });
    return content === undefined ? undefined : Buffer.from(content).toString();
  });
}

async function identityFrom(read: (path: string) => Promise<string | undefined>): Promise<EtcdIdentity | undefined> {
  const [ca, cert, key] = await Promise.all([read(files.ca), read(files.cert), read(files.key)]);
  return ca !== undefined && cert !== undefined && key !== undefined ? { ca, cert, key } : undefined;
}
