import { layDocuments } from '../cluster/lay-documents.ts';
import { toCanonical } from '../kubeadm/convert.ts';
import type { KubeadmDocument, KubeadmKind } from '../kubeadm/document.ts';
import { mergeTrees } from '../kubeadm/merge.ts';
import type { Tree } from '../kubeadm/tree.ts';
import type { Change, KubeadmEffect } from './change.ts';
import { actionOf, values } from './shown.ts';
import { type Difference, treeDifferences } from './tree-differences.ts';

/** Members by the beginning of their path, and what changing them does; the first that fits counts. `*` is any one name. */
const effects: Readonly<Record<KubeadmKind, readonly (readonly [string, KubeadmEffect])[]>> = {
  ClusterConfiguration: [
    ['apiServer.certSANs', 'certificates'],
    ['apiServer.extraArgs.service-cluster-ip-range', 'creation'],
    ['apiServer.extraArgs.etcd-servers', 'creation'],
    ['apiServer.timeoutForControlPlane', 'new-hosts'],
    ['apiServer', 'control-plane'],
    ['controllerManager.extraArgs.cluster-cidr', 'creation'],
    ['controllerManager.extraArgs.service-cluster-ip-range', 'creation'],
    ['controllerManager', 'control-plane'],
    ['scheduler', 'control-plane'],
    ['etcd.local.serverCertSANs', 'certificates'],
    ['etcd.local.peerCertSANs', 'certificates'],
    ['etcd.local.dataDir', 'creation'],
    ['etcd.local', 'control-plane'],
    ['etcd', 'creation'],
    ['dns', 'dns'],
    ['networking', 'creation'],
    ['clusterName', 'creation'],
    ['certificatesDir', 'creation'],
    ['encryptionAlgorithm', 'creation'],
    ['caCertificateValidityPeriod', 'creation'],
    ['certificateValidityPeriod', 'new-hosts'],
    ['kubernetesVersion', 'none'],
    ['controlPlaneEndpoint', 'none'],
    ['', 'control-plane'],
  ],
  InitConfiguration: [
    ['localAPIEndpoint.bindPort', 'creation'],
    ['localAPIEndpoint', 'none'],
    ['bootstrapTokens', 'none'],
    ['nodeRegistration.name', 'none'],
    ['', 'new-hosts'],
  ],
  JoinConfiguration: [
    ['discovery', 'none'],
    ['controlPlane.localAPIEndpoint', 'none'],
    ['nodeRegistration.name', 'none'],
    ['', 'new-hosts'],
  ],
  KubeletConfiguration: [
    ['clusterDomain', 'creation'],
    ['clusterDNS', 'creation'],
    ['', 'kubelets'],
  ],
  KubeProxyConfiguration: [
    ['clusterCIDR', 'creation'],
    ['', 'kube-proxy'],
  ],
};

const words: Readonly<Record<KubeadmEffect, string>> = {
  'control-plane': "restarts the control plane's parts, one host after the other",
  certificates: "makes the API server's or etcd's certificates anew",
  kubelets: 'restarts every kubelet',
  'kube-proxy': 'restarts every kube-proxy',
  dns: "changes the cluster's DNS",
  'new-hosts': 'for hosts that are added from now on',
  none: 'has no effect: it is decided by the image or by the hosts',
  creation: 'is decided when the cluster is made',
};

/** What changing a member of a kubeadm document does to a cluster that stands. */
export function kubeadmEffect(kind: KubeadmKind, path: readonly string[]): KubeadmEffect {
  const text = path.join('.');
  const found = effects[kind].find(([prefix]) => prefix === '' || text === prefix || text.startsWith(`${prefix}.`));
  return found?.[1] ?? 'none';
}

/**
 * Where two sets of kubeadm documents differ in effect: both are laid over `base` (defaults and the image's own), so that writing a default
 * down is no change, and documents of different versions are compared in one form.
 */
export function kubeadmChanges(
  from: readonly KubeadmDocument[],
  to: readonly KubeadmDocument[],
  base: readonly KubeadmDocument[] = [],
): readonly Change[] {
  const [before, after] = [effective(base, from), effective(base, to)];
  const kinds = [...new Set([...before.keys(), ...after.keys()])];
  return kinds.flatMap((kind) =>
    treeDifferences(before.get(kind) ?? {}, after.get(kind) ?? {}).map((difference) => kubeadmChange(kind, difference)),
  );
}

function kubeadmChange(kind: KubeadmKind, { path, from, to }: Difference): Change {
  const effect = kubeadmEffect(kind, path);
  const refused = effect === 'creation' ? 'it is decided when the cluster is made' : undefined;
  return {
    kind: 'kubeadm',
    action: actionOf(from, to),
    // Tokens are known by themselves.
    subject: `${kind} ${path.map((name, index) => (path[index - 1] === 'bootstrapTokens' ? '***' : name)).join('.')}`,
    ...values(path.find((name) => /token|certificateKey/i.test(name)) ?? path.at(-1) ?? '', from, to),
    note: words[effect],
    effect,
    ...(refused === undefined ? {} : { refused }),
  };
}

function effective(base: readonly KubeadmDocument[], over: readonly KubeadmDocument[]): ReadonlyMap<KubeadmKind, Tree> {
  const trees = new Map<KubeadmKind, Tree>();
  for (const document of [...base, ...layDocuments([], over)]) {
    trees.set(document.kind, mergeTrees(trees.get(document.kind) ?? {}, toCanonical(document).content));
  }
  return trees;
}
