import { layK3sOptions } from '../k3s/options.ts';
import { fromCanonical, toCanonical } from '../kubeadm/convert.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import { mergeTrees } from '../kubeadm/merge.ts';
import { isTree, type Tree } from '../kubeadm/tree.ts';
import type { KubeadmApi } from '../kubeadm/version.ts';
import type { Clusterfile, Config } from './cluster.ts';

type Documents = Omit<Clusterfile, 'cluster'>;

/** The documents beside a Cluster with more laid over. */
export function layOver(base: Documents, over: Documents): Documents {
  const k3s = layK3sOptions(base.k3s, over.k3s);
  return {
    configs: layConfigs(base.configs, over.configs),
    kubeadm: layDocuments(base.kubeadm, over.kubeadm),
    ...(k3s && { k3s }),
  };
}

/** Configs with more laid over: one of a name that is there takes its place away and stands where it was written (§4.2 of the reference). */
export function layConfigs(base: readonly Config[], over: readonly Config[]): readonly Config[] {
  const all = [...base, ...over];
  return all.filter(({ name }, index) => all.findLastIndex((other) => other.name === name) === index);
}

/**
 * kubeadm documents with more laid over, one of each kind: merged as Kubernetes merges lists, in the later one's version. Laying the same
 * document twice changes nothing.
 */
export function layDocuments(base: readonly KubeadmDocument[], over: readonly KubeadmDocument[]): readonly KubeadmDocument[] {
  const merged = new Map<string, KubeadmDocument>();
  for (const document of [...base, ...over]) {
    const before = merged.get(document.kind);
    merged.set(document.kind, before === undefined ? document : layDocument(before, document));
  }
  return [...merged.values()];
}

function layDocument(base: KubeadmDocument, over: KubeadmDocument): KubeadmDocument {
  const { kind, apiVersion } = over;
  const later = toCanonical(over).content;
  const together = withRemovals(mergeTrees(toCanonical(base).content, later), later);
  return { kind, apiVersion, content: fromCanonical(kind, together, apiOf(apiVersion)).content };
}

/** kubelet's and kube-proxy's documents have one form only, which is v1beta4's too. */
function apiOf(apiVersion: string): KubeadmApi {
  if (apiVersion.endsWith('/v1beta2')) return 'v1beta2';
  return apiVersion.endsWith('/v1beta3') ? 'v1beta3' : 'v1beta4';
}

/** A merge takes out what `null` stands for; laid over the defaults later on it must take the same out of them. */
function withRemovals(tree: Tree, over: Tree): Tree {
  const kept: Record<string, unknown> = { ...tree };
  for (const [key, value] of Object.entries(over)) {
    const merged = kept[key];
    if (value === null) kept[key] = null;
    else if (isTree(value) && isTree(merged)) kept[key] = withRemovals(merged, value);
    else if (Array.isArray(value) && Array.isArray(merged)) {
      kept[key] = [...merged, ...value.filter((element) => isTree(element) && element['value'] === null)];
    }
  }
  return kept;
}
