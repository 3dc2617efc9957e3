import { createPrivateKey } from 'node:crypto';
import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { type KeyPair, privateKeyPem } from './certificate.ts';

/** What a kubeconfig says: whom it trusts, where it goes, as whom. */
export interface Kubeconfig {
  readonly server: string;
  /** PEM. */
  readonly caCert: string;
  readonly user: string;
  readonly client: KeyPair;
}

const clusterName = 'kubernetes';

/** A kubeconfig as kubeadm lays it out: one cluster, one user, one context, everything inside the file. A secret. */
export function formatKubeconfig({ server, caCert, user, client }: Kubeconfig): string {
  const context = `${user}@${clusterName}`;
  return stringify(
    {
      apiVersion: 'v1',
      clusters: [{ cluster: { 'certificate-authority-data': base64(caCert), server }, name: clusterName }],
      contexts: [{ context: { cluster: clusterName, user }, name: context }],
      'current-context': context,
      kind: 'Config',
      preferences: {},
      users: [
        { name: user, user: { 'client-certificate-data': base64(client.cert), 'client-key-data': base64(privateKeyPem(client.key)) } },
      ],
    },
    { lineWidth: 0 },
  );
}

const schema = v.object({
  clusters: v.tuple([v.object({ cluster: v.object({ 'certificate-authority-data': v.string(), server: v.string() }) })]),
  users: v.tuple([
    v.object({ name: v.string(), user: v.object({ 'client-certificate-data': v.string(), 'client-key-data': v.string() }) }),
  ]),
});

/** Reads a kubeconfig of the shape above; undefined where it is another or holds no usable key. */
export function parseKubeconfig(text: string): Kubeconfig | undefined {
  try {
    const { clusters, users } = v.parse(schema, parse(text));
    const [{ cluster }] = clusters;
    const [{ name, user }] = users;
    return {
      server: cluster.server,
      caCert: plain(cluster['certificate-authority-data']),
      user: name,
      client: { cert: plain(user['client-certificate-data']), key: createPrivateKey(plain(user['client-key-data'])) },
    };
  } catch {
    return undefined;
  }
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function plain(text: string): string {
  return Buffer.from(text, 'base64').toString();
}
