import { isIPv4 } from 'node:net';
import { badInput } from '@sealos/image';
import { placeControlPlaneTimeout, toCanonical } from './convert.ts';
import { defaultCluster, defaultKubelet, defaultKubeProxy } from './defaults.ts';
import type { KubeadmDocument, KubeadmKind } from './document.ts';
import { formatDocuments, skipPhaseFlags } from './format.ts';
import { joinDocument } from './join.ts';
import { pruneKubelet } from './kubelet.ts';
import { mergeTrees } from './merge.ts';
import { type ClusterNetworking, clusterNetworking, isDualStack, type NetworkedAddresses } from './networking.ts';
import { hostCgroupDriver, nodeDefaults, nodeName } from './node.ts';
import type { KubeadmHost, KubeadmInput, KubeadmPlan } from './plan.ts';
import { type Tree, valueAt, withValue } from './tree.ts';
import { kubeadmApi } from './version.ts';

const defaultPort = 6443;

/**
 * All documents for all hosts: defaults, then the image's documents, then the user's, then what must be (names, addresses, the token).
 * Pure: same input, same bytes. Throws bad input where documents contradict each other or the version is not supported.
 */
export function kubeadmDocuments(input: KubeadmInput): KubeadmPlan {
  const { version, hosts, vip, apiName = 'apiserver.cluster.local', auditPolicy = true } = input;
  const first = hosts.find(({ role }) => role === 'master');
  if (first === undefined) throw badInput('no-master', 'there is no control-plane host to begin the cluster on');
  const api = kubeadmApi(version);
  const { over, warnings } = layers([...(input.imageDocuments ?? []), ...(input.userDocuments ?? [])]);

  const networking = clusterNetworking(over('ClusterConfiguration', {}), { vip, master: first.address.ip });
  const traits = { version, isDualStack: isDualStack(networking) };
  const wanted = over('ClusterConfiguration', defaultCluster(traits, api, auditPolicy));
  refuseUnreachableVip(input, first);
  const wantedInit = over('InitConfiguration', nodeDefaults(input, first, networking));
  const apiPort = Number(valueAt(wantedInit, ['localAPIEndpoint', 'bindPort']) ?? defaultPort);
  const masterIps = hosts.filter(({ role }) => role === 'master').map(({ address }) => address.ip);
  const userSans = valueAt(wanted, ['apiServer', 'certSANs']);
  const certSans = [...new Set(['127.0.0.1', apiName, vip, ...masterIps, ...(Array.isArray(userSans) ? userSans.map(String) : [])])];
  const { cluster, init } = placeControlPlaneTimeout(
    withValue(
      mergeTrees(wanted, { kubernetesVersion: version, controlPlaneEndpoint: `${apiName}:${apiPort}`, networking: { ...networking } }),
      ['apiServer', 'certSANs'],
      certSans,
    ),
    mergeTrees(wantedInit, {
      bootstrapTokens: [bootstrapToken(input.token)],
      localAPIEndpoint: { advertiseAddress: first.address.ip, bindPort: apiPort },
      nodeRegistration: { name: nodeName(first.facts.hostname) },
      skipPhases: input.skipPhases ?? [],
    }),
    api,
  );

  const standard = defaultKubelet(traits, { swapOn: first.facts.swapOn, cgroupDriver: hostCgroupDriver(first) }, input.imageEndpoint);
  const kubelet = pruneKubelet(over('KubeletConfiguration', standard), version);
  const kubeProxy = keepVip(
    over(
      'KubeProxyConfiguration',
      defaultKubeProxy(
        traits,
        hosts.map(({ facts }) => facts),
      ),
    ),
    vip,
  );
  const shared = unchanged(standard, kubelet.content, ['cgroupDriver', 'failSwapOn']);
  const joins = hosts
    .filter((host) => host !== first)
    .map((host) => {
      const document = joinDocument(input, host, { first, shared, apiPort, networking, over: (base) => over('JoinConfiguration', base) });
      return { ip: host.address.ip, document, ...formatDocuments([['JoinConfiguration', document]], api) };
    });
  const formatted = formatDocuments(
    [
      ['InitConfiguration', init],
      ['ClusterConfiguration', cluster],
      ['KubeletConfiguration', kubelet.content],
      ['KubeProxyConfiguration', kubeProxy],
    ],
    api,
  );
  return {
    init: formatted.text,
    join: new Map(joins.map(({ ip, text }) => [ip, text])),
    skipPhaseFlags: { init: skipPhaseFlags(init, api), join: skipPhaseFlags(joins[0]?.document ?? {}, api) },
    networking,
    certSans,
    kubeProxyMode: String(kubeProxy['mode'] ?? 'iptables'),
    apiPort,
    warnings: [...new Set([...warnings, ...kubelet.warnings, ...formatted.warnings, ...joins.flatMap((join) => join.warnings)])],
  };
}

/**
 * The cluster's networks alone, as its documents have them: before kubeadm's own can be made, templates want to know them. The same
 * errors as `kubeadmDocuments` for networks that cannot be.
 */
export function documentedNetworking(
  documents: Pick<KubeadmInput, 'imageDocuments' | 'userDocuments'>,
  addresses: NetworkedAddresses,
): ClusterNetworking {
  const { over } = layers([...(documents.imageDocuments ?? []), ...(documents.userDocuments ?? [])]);
  return clusterNetworking(over('ClusterConfiguration', {}), addresses);
}

/** Workers reach the API servers by the virtual address, which nothing translates into the other family. */
function refuseUnreachableVip({ hosts, vip }: KubeadmInput, first: KubeadmHost): void {
  if (isIPv4(vip) === isIPv4(first.address.ip) || hosts.every(({ role }) => role === 'master')) return;
  throw badInput(
    'bad-networking',
    `the virtual address ${vip} is not of the family of the control plane's address ${first.address.ip}`,
    `choose another with -e defaultVIP=${isIPv4(first.address.ip) ? '10.103.97.2' : 'fd00:10:103:97::2'}`,
  );
}

/** The image's and the user's documents in one form, ready to be laid over defaults. */
function layers(documents: readonly KubeadmDocument[]): { over: (kind: KubeadmKind, base: Tree) => Tree; warnings: readonly string[] } {
  const canonical = documents.map((document) => ({ kind: document.kind, ...toCanonical(document) }));
  return {
    over: (kind, base) => canonical.filter((one) => one.kind === kind).reduce((tree, { content }) => mergeTrees(tree, content), base),
    warnings: canonical.flatMap((one) => one.warnings),
  };
}

function bootstrapToken(token: string): Tree {
  return {
    token,
    ttl: '24h0m0s',
    groups: ['system:bootstrappers:kubeadm:default-node-token'],
    usages: ['signing', 'authentication'],
  };
}

/** kube-proxy's ipvs takes the address that workers reach the API by for a leftover of its own, and deletes it, unless told not to. */
function keepVip(kubeProxy: Tree, vip: string): Tree {
  if (kubeProxy['mode'] !== 'ipvs') return kubeProxy;
  return mergeTrees(kubeProxy, { ipvs: { excludeCIDRs: [`${vip}/${isIPv4(vip) ? 32 : 128}`] } });
}

/** The members that no document changed: a user who sets them has decided for every host. */
function unchanged(standard: Tree, actual: Tree, members: readonly string[]): Tree {
  return Object.fromEntries(members.filter((member) => standard[member] === actual[member]).map((member) => [member, actual[member]]));
}
