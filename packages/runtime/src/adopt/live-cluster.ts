import { badInput } from '@sealos/image';
import * as v from 'valibot';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { type KubeadmDocument, parseKubeadmDocuments } from '../kubeadm/document.ts';

/** A node as the cluster itself knows it. */
export interface LiveNode {
  readonly name: string;
  readonly ip: string;
  readonly controlPlane: boolean;
}

/** What a kubeadm cluster says of itself. */
export interface LiveCluster {
  readonly nodes: readonly LiveNode[];
  /** `host:port` under which all of its hosts find the API. */
  readonly endpoint: string | undefined;
  /** Its networks and the names of its API, in kubeadm's form. */
  readonly document: KubeadmDocument;
}

const nodesSchema = v.object({
  items: v.array(
    v.object({
      metadata: v.object({ name: v.string(), labels: v.optional(v.record(v.string(), v.string()), {}) }),
      status: v.object({ addresses: v.array(v.object({ type: v.string(), address: v.string() })) }),
    }),
  ),
});
const configMapSchema = v.object({ data: v.object({ ClusterConfiguration: v.string() }) });
const configurationSchema = v.object({
  controlPlaneEndpoint: v.optional(v.string()),
  networking: v.optional(v.record(v.string(), v.unknown())),
  apiServer: v.optional(v.object({ certSANs: v.optional(v.array(v.string())) })),
});

/** Asks a cluster, on one of its control planes, for its nodes and for what kubeadm recorded. Throws `no-kubeadm` where kubeadm did not make it. */
export async function readLiveCluster(host: Host, signal: AbortSignal): Promise<LiveCluster> {
  const kubectl = script`kubectl --kubeconfig /etc/kubernetes/admin.conf`;
  const ask = { title: 'asking the cluster what it is', signal, timeout: 60_000 };
  const { stdout: nodes } = await host.run(script`${kubectl} get nodes -o json`, ask);
  const { stdout: config } = await host.run(script`${kubectl} -n kube-system get configmap kubeadm-config --ignore-not-found -o json`, ask);
  if (config.trim() === '') throw badInput('no-kubeadm', `the cluster of ${host.name} was not made by kubeadm`);
  const { data } = v.parse(configMapSchema, JSON.parse(config));
  const recorded = parseKubeadmDocuments(data.ClusterConfiguration, 'kubeadm-config').find(({ kind }) => kind === 'ClusterConfiguration');
  if (recorded === undefined) throw badInput('no-kubeadm', `kubeadm-config of ${host.name} has no ClusterConfiguration`);
  const { controlPlaneEndpoint, networking, apiServer } = v.parse(configurationSchema, recorded.content);
  const sans = apiServer?.certSANs ?? [];
  return {
    nodes: v.parse(nodesSchema, JSON.parse(nodes)).items.flatMap(({ metadata, status }) => {
      const ip = status.addresses.find(({ type }) => type === 'InternalIP')?.address;
      const roles = ['node-role.kubernetes.io/control-plane', 'node-role.kubernetes.io/master'];
      return ip === undefined
        ? []
        : [{ name: metadata.name, ip, controlPlane: roles.some((role) => Object.hasOwn(metadata.labels, role)) }];
    }),
    endpoint: controlPlaneEndpoint,
    document: {
      kind: 'ClusterConfiguration',
      apiVersion: recorded.apiVersion,
      content: { ...(networking === undefined ? {} : { networking }), ...(sans.length === 0 ? {} : { apiServer: { certSANs: sans } }) },
    },
  };
}
