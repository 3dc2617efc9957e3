import { renderTemplate } from '@sealos/template';
import { isMap, parseAllDocuments, stringify } from 'yaml';
import { badInput } from '../error.ts';

export interface PackageKubeadm {
  /** Named in errors. */
  readonly name: string;
  /** Addresses of control planes; none for an image, which is no cluster's yet. */
  readonly masters: readonly string[];
  /** With `v`. */
  readonly version: string;
  readonly vip: string;
  /** Repository of the package's images of Kubernetes, such as `k8s.gcr.io`. */
  readonly imageRepository: string | undefined;
}

const KINDS = new Set(['ClusterConfiguration', 'KubeletConfiguration', 'KubeProxyConfiguration']);

/**
 * What a template of kubeadm's file as sealos 1 to 3 had it says: its fields filled in (`{{.Version}}`, `{{.VIP}}`, `{{.Masters}}`), without
 * what this program sets for each cluster, and with a repository where it names none. Empty where there is nothing to say.
 * Throws `bad-kubeadm-template` (exit 2).
 */
export function olderKubeadm(text: string | undefined, { name, version, vip, masters, imageRepository }: PackageKubeadm): string {
  const documents: Record<string, unknown>[] = [];
  if (text !== undefined) {
    const rendered = attempt(name, () =>
      renderTemplate(text, { Version: version, VIP: vip, Masters: [...masters], ApiServer: 'apiserver.cluster.local' }, { name }),
    );
    for (const document of parseAllDocuments(rendered)) {
      const [error] = document.errors;
      if (error !== undefined) throw badInput('bad-kubeadm-template', `${name} is no YAML: ${error.message.split('\n')[0]}`);
      if (!isMap(document.contents)) continue;
      const value: Record<string, unknown> = attempt(name, () => document.toJS({ maxAliasCount: 100 }));
      if (typeof value['kind'] === 'string' && KINDS.has(value['kind'])) documents.push(forImage(value));
    }
  }
  if (imageRepository !== undefined && !documents.some(({ imageRepository: own }) => own !== undefined)) {
    const cluster = documents.find(({ kind }) => kind === 'ClusterConfiguration');
    if (cluster !== undefined) cluster['imageRepository'] = imageRepository;
    else documents.push({ apiVersion: 'kubeadm.k8s.io/v1beta2', kind: 'ClusterConfiguration', imageRepository });
  }
  return documents.map((document) => stringify(document, { lineWidth: 0 })).join('---\n');
}

function attempt<T>(name: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw badInput('bad-kubeadm-template', `${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function forImage(value: Record<string, unknown>): Record<string, unknown> {
  const { kubernetesVersion: _version, controlPlaneEndpoint: _endpoint, ...rest } = value;
  // v1beta1, of Kubernetes 1.13, differs from v1beta2 by what it lacks.
  if (rest['apiVersion'] === 'kubeadm.k8s.io/v1beta1') rest['apiVersion'] = 'kubeadm.k8s.io/v1beta2';
  return rest;
}
