import { stringify } from 'yaml';
import { fromCanonical } from './convert.ts';
import type { KubeadmKind } from './document.ts';
import { type Tree, withValue } from './tree.ts';
import type { KubeadmApi } from './version.ts';

/** Canonical documents as one YAML stream in the form of `api`. */
export function formatDocuments(
  documents: readonly (readonly [KubeadmKind, Tree])[],
  api: KubeadmApi,
): { readonly text: string; readonly warnings: readonly string[] } {
  const formatted = documents.map(([kind, canonical]) => {
    const { content, warnings } = fromCanonical(kind, canonical, api);
    return { text: formatDocument(kind, content, api), warnings };
  });
  return { text: formatted.map(({ text }) => text).join('---\n'), warnings: formatted.flatMap(({ warnings }) => warnings) };
}

/** Flags that leave phases out, where the documents have no word for it (v1beta2). */
export function skipPhaseFlags(document: Tree, api: KubeadmApi): readonly string[] {
  const phases = document['skipPhases'];
  return api === 'v1beta2' && Array.isArray(phases) && phases.length > 0 ? [`--skip-phases=${phases.join(',')}`] : [];
}

function formatDocument(kind: KubeadmKind, content: Tree, api: KubeadmApi): string {
  const phases = content['skipPhases'];
  const silent = api === 'v1beta2' || (Array.isArray(phases) && phases.length === 0);
  const body = silent ? withValue(content, ['skipPhases'], undefined) : content;
  return `apiVersion: ${apiVersion(kind, api)}\nkind: ${kind}\n${stringify(body, {
    lineWidth: 0,
    sortMapEntries: true,
    aliasDuplicateObjects: false,
    // Kubernetes reads YAML 1.1, where a bare `on` or `0755` is not text: text that could be taken so is quoted.
    compat: 'yaml-1.1',
  })}`;
}

/** `apiVersion` of a kind's document in the form of `api`. */
export function apiVersion(kind: KubeadmKind, api: KubeadmApi): string {
  if (kind === 'KubeletConfiguration') return 'kubelet.config.k8s.io/v1beta1';
  if (kind === 'KubeProxyConfiguration') return 'kubeproxy.config.k8s.io/v1alpha1';
  return `kubeadm.k8s.io/${api}`;
}
