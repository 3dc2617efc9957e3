import { isIPv4 } from 'node:net';
import { layDocuments } from '../cluster/lay-documents.ts';
import { fromCanonical, placeControlPlaneTimeout, toCanonical } from './convert.ts';
import { defaultCluster, defaultKubelet, defaultNetworking, defaultNetworking6 } from './defaults.ts';
import type { KubeadmDocument, KubeadmKind } from './document.ts';
import { apiVersion } from './format.ts';
import { pruneKubelet } from './kubelet.ts';
import { type Tree, valueAt } from './tree.ts';
import { kubeadmApi } from './version.ts';

export interface StandardInput {
  /** Kubernetes version with `v`. */
  readonly version: string;
  /** Documents of the image's `etc/kubeadm.yml`. */
  readonly imageDocuments: readonly KubeadmDocument[];
  /** The image ships a policy for the API server's audit log. */
  readonly auditPolicy: boolean;
  /** Socket of a separate image service (`SEALOS_SYS_IMAGE_ENDPOINT`). */
  readonly imageEndpoint?: string | undefined;
  /** Address of the first control plane. */
  readonly master: string;
  /** The user's networks are of both families; default: of one. */
  readonly isDualStack?: boolean;
}

/**
 * What a user's kubeadm documents are laid over, as far as no host has a say in it: our defaults and the image's documents, one of each kind.
 * What depends on facts (cgroup driver, swap, kube-proxy's mode) and what is set whatever anyone writes (names, tokens) is not in them.
 */
export function standardDocuments(input: StandardInput): readonly KubeadmDocument[] {
  const { version, imageDocuments, auditPolicy, imageEndpoint, master } = input;
  const traits = { version, isDualStack: input.isDualStack ?? false };
  const {
    cgroupDriver: _driver,
    failSwapOn: _swap,
    ...kubelet
  } = defaultKubelet(traits, { swapOn: false, cgroupDriver: '' }, imageEndpoint);
  const networking = isIPv4(master) ? defaultNetworking : defaultNetworking6;
  const own: readonly (readonly [KubeadmKind, Tree])[] = [
    ['ClusterConfiguration', { ...defaultCluster(traits, kubeadmApi(version), auditPolicy), networking }],
    ['KubeletConfiguration', pruneKubelet(kubelet, version).content],
    ['KubeProxyConfiguration', { metricsBindAddress: '0.0.0.0:10249' }],
  ];
  return layDocuments(
    own.map(([kind, content]) => ({ kind, apiVersion: apiVersion(kind, 'v1beta4'), content })),
    imageDocuments,
  );
}

/**
 * A user's documents laid over the standard ones, in the form of the cluster's version: what `sealos gen` prints. Given back to a run, they
 * lead to what the user's own would have led to. `warnings` tells what that form cannot say.
 */
export function generatedDocuments(
  input: StandardInput,
  userDocuments: readonly KubeadmDocument[],
): { readonly documents: readonly KubeadmDocument[]; readonly warnings: readonly string[] } {
  const api = kubeadmApi(input.version);
  const canonical = new Map<KubeadmKind, Tree>();
  const warnings: string[] = [];
  const isDualStack = [...input.imageDocuments, ...userDocuments].some(({ content }) =>
    String(valueAt(content, ['networking', 'podSubnet']) ?? '').includes(','),
  );
  for (const document of layDocuments(standardDocuments({ ...input, isDualStack }), userDocuments)) {
    const converted = toCanonical(document);
    canonical.set(document.kind, converted.content);
    warnings.push(...converted.warnings);
  }
  const init = canonical.get('InitConfiguration');
  const placed = placeControlPlaneTimeout(canonical.get('ClusterConfiguration') ?? {}, init ?? {}, api);
  canonical.set('ClusterConfiguration', placed.cluster);
  if (init !== undefined || Object.keys(placed.init).length > 0) canonical.set('InitConfiguration', placed.init);
  const documents = [...canonical].map(([kind, content]) => {
    const converted = fromCanonical(kind, content, api);
    warnings.push(...converted.warnings);
    return { kind, apiVersion: apiVersion(kind, api), content: converted.content };
  });
  return { documents, warnings: [...new Set(warnings)] };
}
