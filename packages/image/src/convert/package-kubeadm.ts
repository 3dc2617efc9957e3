import { renderTemplate } from '@sealos/template';
import { isMap, parseAllDocuments, stringify } from 'yaml';
import { badInput } from '../error.ts';

export interface PackageKubeadm {
  /** With `v`. */
  readonly version: string;
  readonly vip: string;
  /** Repository of the package's images of Kubernetes, such as `k8s.gcr.io`. */
  readonly imageRepository: string | undefined;
}

const KINDS = new Set(['ClusterConfiguration', 'KubeletConfiguration', 'KubeProxyConfiguration']);

/**
 * What an offline package's `conf/kubeadm.yaml` says, as an image's `etc/kubeadm.yml`: its template fields filled in (`{{.Version}}`,
 * `{{.VIP}}`, `{{.Masters}}` as of a cluster without any), and without what this program sets for each cluster. `text` is undefined where the
 * package has no such file. Throws `bad-package` (exit 2).
 */
export function packageKubeadm(text: string | undefined, { version, vip, imageRepository }: PackageKubeadm): string {
  const name = 'conf/kubeadm.yaml';
  const documents: Record<string, unknown>[] = [];
  if (text !== undefined) {
    const rendered = attempt(name, () =>
      renderTemplate(text, { Version: version, VIP: vip, Masters: [], ApiServer: 'apiserver.cluster.local' }, { name }),
    );
    for (const document of parseAllDocuments(rendered)) {
      const [error] = document.errors;
      if (error !== undefined) throw badInput('bad-package', `${name} in the package is no YAML: ${error.message.split('\n')[0]}`);
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
    throw badInput('bad-package', `${name} in the package cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function forImage(value: Record<string, unknown>): Record<string, unknown> {
  const { kubernetesVersion: _version, controlPlaneEndpoint: _endpoint, ...rest } = value;
  // v1beta1, of Kubernetes 1.13, differs from v1beta2 by what it lacks.
  if (rest['apiVersion'] === 'kubeadm.k8s.io/v1beta1') rest['apiVersion'] = 'kubeadm.k8s.io/v1beta2';
  return rest;
}
