import { formatEndpoint } from '@sealos/lvscare';
import { stringify } from 'yaml';
import type { Distribution } from '../distribution.ts';
import type { Address, HostFile } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { ClusterImage } from '../image-contract/cluster-image.ts';
import type { Step } from '../step.ts';
import type { ApiBalancing } from './api-address.ts';

/** What balances in the kernel. */
export type GuardBackend = Exclude<ApiBalancing, 'direct'>;

/** The container image of the guard, and what it can keep. */
export interface GuardImage {
  readonly name: string;
  readonly backends: readonly GuardBackend[];
  /** It takes `--backend` and balances with nothing else. */
  readonly choosesBackend: boolean;
}

/** Says what a rootfs' guard can do; a rootfs without it has the guard of the first sealos, which knows IPVS alone. */
const BACKENDS_LABEL = 'sealos.io.lvscare.backends';

/** The guard that a rootfs names in its label `image`. */
export function guardImage(rootfs: Pick<ClusterImage, 'lvscareImage' | 'labels'>): GuardImage {
  const label = rootfs.labels[BACKENDS_LABEL];
  const named = (label ?? 'ipvs').split(/[\s,]+/);
  return {
    name: rootfs.lvscareImage,
    backends: (['ipvs', 'nftables'] as const).filter((backend) => named.includes(backend)),
    choosesBackend: label !== undefined,
  };
}

export interface ApiGuardInput {
  readonly workers: readonly { readonly address: Address; readonly balancing: ApiBalancing }[];
  readonly masters: readonly Address[];
  readonly vip: string;
  /** Of the virtual address and of every API server. */
  readonly port: number;
  readonly guard: GuardImage;
  /** Where the workers' kubelets take static pods from, and what an API server answers strangers. */
  readonly distribution: Pick<Distribution, 'staticPods' | 'closedHealth'>;
  readonly needs: readonly string[];
}

const NAME = 'kube-sealos-lvscare';

/** Whether a worker's rules are ones that the guard can keep. */
function isGuarded(balancing: ApiBalancing, guard: GuardImage): balancing is GuardBackend {
  return balancing !== 'direct' && guard.backends.includes(balancing);
}

/**
 * What the user is to know: hosts whose rules nothing watches, because their kernel or their tools lack what the image's guard needs. With
 * one control plane there is nothing to choose from, and nothing to say.
 */
export function guardWarnings({ workers, masters, guard }: Pick<ApiGuardInput, 'workers' | 'masters' | 'guard'>): readonly string[] {
  if (masters.length < 2) return [];
  return workers.flatMap(({ address, balancing }) => {
    if (balancing === 'direct')
      return [
        `${address.ip} reaches the API at one control plane alone: its kernel or its tools have neither IPVS (ipvsadm) nor nftables (nft)`,
      ];
    if (isGuarded(balancing, guard)) return [];
    return [
      `${address.ip} goes on calling control planes that are down: the image's guard ${guard.name} knows IPVS alone; install ipvsadm there, if its kernel has IPVS`,
    ];
  });
}

/** The static pod of the guard on one worker (sealos-interop.md §6.5), which existing tools know by its name. */
export function guardManifest(
  input: Pick<ApiGuardInput, 'masters' | 'vip' | 'port' | 'guard' | 'distribution'>,
  worker: { readonly ip: string; readonly balancing: GuardBackend },
): string {
  const { masters, vip, port, guard, distribution } = input;
  const args = ['care', '--vs', formatEndpoint({ ip: vip, port }), '--health-path', '/healthz', '--health-schem', 'https'];
  if (distribution.closedHealth !== undefined) args.push('--health-status', String(distribution.closedHealth));
  for (const { ip } of masters) args.push('--rs', formatEndpoint({ ip, port }));
  // A control plane that dies is out after 6 s at the most, and the rules are those that the host's own unit sets.
  if (guard.choosesBackend) args.push('--backend', worker.balancing, '--interval', '3s');
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: NAME, namespace: 'kube-system', labels: { component: NAME, tier: 'node' } },
    spec: {
      hostNetwork: true,
      priorityClassName: 'system-node-critical',
      containers: [
        {
          name: NAME,
          image: guard.name,
          imagePullPolicy: 'IfNotPresent',
          command: ['/usr/bin/lvscare'],
          args,
          env: [{ name: 'LVSCARE_NODE_IP', value: worker.ip }],
          ...(guard.choosesBackend ? { resources: { requests: { cpu: '10m', memory: '32Mi' } } } : {}),
          securityContext: { privileged: true },
          volumeMounts: [{ name: 'lib-modules', mountPath: '/lib/modules', readOnly: true }],
        },
      ],
      volumes: [{ name: 'lib-modules', hostPath: { path: '/lib/modules' } }],
    },
  };
  return stringify(pod, { lineWidth: 0 });
}

/**
 * The guard that keeps the rules of `apiAddressStep` to the control planes that are well, on every worker that has such rules; the kubelet
 * runs it, and makes it anew when the list of control planes changes. After the join: kubeadm refuses a host that has manifests.
 */
export function apiGuardStep(input: ApiGuardInput): Step {
  const path = `${input.distribution.staticPods}/${NAME}.yaml`;
  const filesOf = (ip: string): readonly HostFile[] =>
    input.workers.flatMap(({ address, balancing }) =>
      address.ip === ip && isGuarded(balancing, input.guard)
        ? [{ path, mode: 0o600, content: guardManifest(input, { ip, balancing }) }]
        : [],
    );
  const remove = script`rm -f ${path}`;
  return {
    id: 'api-guard',
    title: "watching the API's address",
    hosts: input.workers.map(({ address }) => address),
    needs: input.needs,
    async check(host, { signal }) {
      const wanted = filesOf(host.address.ip)[0]?.content;
      const found = await host.readFile(path, { signal });
      if ((found === undefined ? undefined : new TextDecoder().decode(found)) === wanted) return 'done';
      if (wanted === undefined) return { what: `remove ${path}` };
      return { what: `have ${NAME} watch ${input.masters.length} control plane${input.masters.length === 1 ? '' : 's'}` };
    },
    async apply(host, { signal }) {
      const files = filesOf(host.address.ip);
      if (files.length > 0) await host.writeFiles(files, { title: "writing the pod that watches the API's address", signal });
      else await host.run(remove, { title: "removing the pod that watched the API's address", signal });
    },
    async undo(host, { signal }) {
      await host.run(remove, { title: "removing the pod that watches the API's address", signal });
    },
  };
}
