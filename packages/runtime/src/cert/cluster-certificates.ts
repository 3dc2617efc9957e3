import { X509Certificate } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ssh } from '../cluster/cluster.ts';
import { hostName } from '../host/host-name.ts';
import { CERTIFICATES_OF_K3S, refuseK3s } from '../k3s/cluster-distribution.ts';
import { type AuthorityName, authorities as authorityNames } from '../pki/inventory.ts';
import { parseKubeconfig } from '../pki/kubeconfig.ts';
import { API_NAME, type ReachedHost } from '../run/prepare.ts';
import { type Connection, reachWhatAnswers } from '../run/reach-hosts.ts';
import { storedCluster } from '../run/stored-cluster.ts';
import { readIfThere } from '../state/private-file.ts';
import { storedNames } from './api-names.ts';
import { type FoundCertificate, KUBELET_PKI, readCertificates } from './read-certificates.ts';
import { type Authorities, type JudgedCertificate, judgeCertificate } from './report.ts';

/** Which cluster, and how its hosts are reached. */
export interface CertTarget {
  readonly cluster: string;
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

export interface ClusterCertificates {
  readonly cluster: string;
  /** The operator's first, then each host's. */
  readonly certificates: readonly JudgedCertificate[];
  /** Hosts that could not be asked, and why. */
  readonly unreached: readonly { readonly host: string; readonly why: string }[];
  /** Nothing speaks against any of them, and every host was asked. */
  readonly healthy: boolean;
}

/** What a control plane cannot do without. */
const NEEDED = [
  ...['ca', 'apiserver', 'apiserver-kubelet-client', 'front-proxy-client'].map((name) => `/etc/kubernetes/pki/${name}.crt`),
  ...['admin', 'controller-manager', 'scheduler'].map((name) => `/etc/kubernetes/${name}.conf`),
];

/**
 * `sealos cert`: every certificate and kubeconfig of a cluster, on this machine and on each host, and what speaks against it; one that
 * ends `within` milliseconds counts. Reads only; no private key leaves its host. A host that does not answer is told in `unreached`.
 */
export async function clusterCertificates(target: CertTarget & { readonly within: number }): Promise<ClusterCertificates> {
  const { signal, within } = target;
  const { state, stored } = await storedCluster(target.cluster, target.ssh);
  refuseK3s(stored.cluster, ...CERTIFICATES_OF_K3S);
  await using hosts = await reachWhatAnswers(stored.cluster, target.connection, signal);
  const own = await operatorCertificates(state.home);
  const onHosts = await Promise.all(
    hosts.reached.map(async (reached) => ({ reached, found: await readCertificates(reached.host, signal) })),
  );
  const authorities = findAuthorities([own, ...onHosts.map(({ found }) => found)]);
  const names = ['kubernetes', 'kubernetes.default.svc', API_NAME, ...storedNames(stored)];
  const judged = (host: string, found: readonly FoundCertificate[], apiNames: readonly string[]) =>
    found.map((one) => judgeCertificate(one, { host, authorities, within, apiNames, now: new Date() }));
  const certificates = [
    ...judged('operator', own, names),
    ...onHosts.flatMap(({ reached, found }) => [
      ...judged(reached.host.name, found, [...names, reached.spec.address.ip]),
      ...missing(reached, found),
    ]),
  ];
  const unreached = hosts.unreached.map(({ spec, error }) => ({
    host: hostName(spec.address),
    why: error instanceof Error ? error.message : String(error),
  }));
  const healthy = unreached.length === 0 && certificates.every(({ problems }) => problems.length === 0);
  return { cluster: target.cluster, certificates, unreached, healthy };
}

/** The certificates on this machine, by their paths below the cluster's directory. */
export async function operatorCertificates(home: string): Promise<readonly FoundCertificate[]> {
  const names = await readdir(home, { recursive: true }).catch(() => []);
  const found: FoundCertificate[] = [];
  for (const path of names.toSorted()) {
    if (!/^pki\/.*\.crt$|^etc\/[^/]*\.conf$/.test(path)) continue;
    const text = (await readIfThere(join(home, path))) ?? '';
    if (path.endsWith('.crt')) {
      found.push({ path, kind: 'certificate', pem: text });
      continue;
    }
    const config = parseKubeconfig(text);
    found.push({
      path,
      kind: 'kubeconfig',
      pem: config?.client.cert ?? '',
      ...(config === undefined ? {} : { server: config.server, trusts: config.caCert }),
    });
  }
  return found;
}

/** The cluster's authorities: the first that is found of each. */
export function findAuthorities(places: readonly (readonly FoundCertificate[])[]): Authorities {
  const found = new Map<AuthorityName, X509Certificate>();
  for (const name of Object.keys(authorityNames).filter(isAuthorityName)) {
    const file = places
      .flat()
      .find(({ path, kind }) => kind === 'certificate' && path.replace('/etc/kubernetes/', '') === `pki/${name}.crt`);
    if (file && isCertificate(file.pem)) found.set(name, new X509Certificate(file.pem));
  }
  return found;
}

const isAuthorityName = (name: string): name is AuthorityName => Object.hasOwn(authorityNames, name);

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

/** Files that a host ought to have and has not. */
function missing({ spec, host }: ReachedHost, found: readonly FoundCertificate[]): readonly JudgedCertificate[] {
  const there = new Set(found.map(({ path }) => path));
  // Until its first renewal the kubelet's certificate may stand in its kubeconfig.
  const kubelet = there.has('/etc/kubernetes/kubelet.conf') ? [] : [`${KUBELET_PKI}/kubelet-client-current.pem`];
  const needed = [...(spec.roles.includes('master') ? NEEDED : []), ...kubelet];
  return needed
    .filter((path) => !there.has(path))
    .map((path) => ({
      ...{ host: host.name, path, kind: path.endsWith('.conf') ? ('kubeconfig' as const) : ('certificate' as const) },
      ...{ subject: '', names: [], issuer: '', begins: '', ends: '', daysLeft: 0 },
      problems: ['is missing'],
    }));
}
