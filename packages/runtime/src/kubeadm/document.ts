import { badInput } from '@sealos/image';
import { parseYamlStream } from '../cluster/yaml-stream.ts';

/** One document that kubeadm reads. `content` is its YAML with `apiVersion` and `kind` taken out. */
export interface KubeadmDocument {
  readonly kind: KubeadmKind;
  readonly apiVersion: string;
  readonly content: Readonly<Record<string, unknown>>;
}

export type KubeadmKind =
  | 'InitConfiguration'
  | 'ClusterConfiguration'
  | 'JoinConfiguration'
  | 'KubeletConfiguration'
  | 'KubeProxyConfiguration';

const apiVersions: Readonly<Record<KubeadmKind, RegExp>> = {
  InitConfiguration: /^kubeadm\.k8s\.io\/v1beta[234]$/,
  ClusterConfiguration: /^kubeadm\.k8s\.io\/v1beta[234]$/,
  JoinConfiguration: /^kubeadm\.k8s\.io\/v1beta[234]$/,
  KubeletConfiguration: /^kubelet\.config\.k8s\.io\/v1beta1$/,
  KubeProxyConfiguration: /^kubeproxy\.config\.k8s\.io\/v1alpha1$/,
};

/** Whether a kind of document is one of kubeadm's. */
export function isKubeadmKind(kind: string): kind is KubeadmKind {
  return Object.hasOwn(apiVersions, kind);
}

/** One document from its parsed YAML. `where` names it in errors. Throws bad input for a kind or API version that is not known. */
export function kubeadmDocument(value: Readonly<Record<string, unknown>>, where: string): KubeadmDocument {
  const { kind, apiVersion, ...content } = value;
  if (typeof kind !== 'string' || !isKubeadmKind(kind)) {
    throw badInput('bad-kubeadm-document', `${where}: kind '${String(kind)}' is not one that kubeadm reads`);
  }
  if (typeof apiVersion !== 'string' || !apiVersions[kind].test(apiVersion)) {
    throw badInput('bad-kubeadm-document', `${where}: apiVersion '${String(apiVersion)}' of ${kind} is not supported`);
  }
  return { kind, apiVersion, content };
}

/** A stream of kubeadm documents, such as an image's `etc/kubeadm.yml`; `name` is shown in errors with document number and line. */
export function parseKubeadmDocuments(text: string, name: string): readonly KubeadmDocument[] {
  return parseYamlStream(text, name).map((document) => kubeadmDocument(document.value, document.where(['kind'])));
}
