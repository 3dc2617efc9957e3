import semver from 'semver';
import { parse } from 'yaml';
import { toCanonical } from '../kubeadm/convert.ts';
import { parseKubeadmDocuments } from '../kubeadm/document.ts';
import { formatDocuments } from '../kubeadm/format.ts';
import { isTree, type Tree, valueAt, withValue } from '../kubeadm/tree.ts';
import { atLeast, type KubeadmApi } from '../kubeadm/version.ts';

// kubeadm itself rewrites the cluster's configuration in the form of its own version. What it leaves as it is, and what stops a component
// of the new version, is what sealos once wrote into it: feature gates and flags that are no more.

/** Gates that sealos or this project turned on, and the version from which on each is always on and soon gone (Kubernetes' changelogs). */
const GATES: Readonly<Record<string, string>> = {
  TTLAfterFinished: '1.24',
  IPv6DualStack: '1.25',
  EphemeralContainers: '1.26',
  CSIStorageCapacity: '1.27',
};

/** Flags that went, from which version on, and what took their place. */
const FLAGS: readonly { readonly component: string; readonly flag: string; readonly since: string; readonly becomes?: string }[] = [
  { component: 'controllerManager', flag: 'experimental-cluster-signing-duration', since: '1.19', becomes: 'cluster-signing-duration' },
  { component: 'controllerManager', flag: 'port', since: '1.24' },
  { component: 'controllerManager', flag: 'address', since: '1.24' },
  { component: 'scheduler', flag: 'port', since: '1.24' },
  { component: 'scheduler', flag: 'address', since: '1.24' },
  { component: 'apiServer', flag: 'insecure-port', since: '1.24' },
];

const COMPONENTS = ['apiServer', 'controllerManager', 'scheduler'] as const;

/** `A=true,B=false` without the gates that are gone; undefined where none is left. */
function withoutGates(text: string, to: string): string | undefined {
  const kept = text.split(',').filter((gate) => {
    const since = GATES[gate.split('=')[0]?.trim() ?? ''];
    return gate.trim() !== '' && (since === undefined || !atLeast(to, since));
  });
  return kept.length === 0 ? undefined : kept.join(',');
}

type Argument = { readonly name: string; readonly value: string };

const argumentsOf = (value: unknown): readonly Argument[] =>
  Array.isArray(value) ? value.filter(isTree).map((one) => ({ name: String(one['name']), value: String(one['value']) })) : [];

function fitArguments(component: string, given: readonly Argument[], to: string): readonly Argument[] {
  const names = new Set(given.map(({ name }) => name));
  return given.flatMap((argument) => {
    if (argument.name === 'feature-gates') {
      const value = withoutGates(argument.value, to);
      return value === undefined ? [] : [{ name: argument.name, value }];
    }
    const gone = FLAGS.find((one) => one.component === component && one.flag === argument.name && atLeast(to, one.since));
    if (!gone) return [argument];
    return gone.becomes === undefined || names.has(gone.becomes) ? [] : [{ name: gone.becomes, value: argument.value }];
  });
}

/**
 * `ClusterConfiguration` of the ConfigMap `kubeadm-config` with what the new version's components do not know taken out or renamed.
 * Returns undefined where it fits as it is. `text` is YAML, in whatever form of kubeadm's.
 */
export function fitClusterConfiguration(text: string, to: string): string | undefined {
  const document = parseKubeadmDocuments(text, 'kubeadm-config').find(({ kind }) => kind === 'ClusterConfiguration');
  if (!document) return undefined;
  const api = apiOf(document.apiVersion);
  const canonical = toCanonical(document).content;
  const fitted = withoutGoneGates(canonical, to);
  let changed = fitted !== undefined;
  let tree: Tree = fitted ?? canonical;
  for (const component of COMPONENTS) {
    const path = [component, 'extraArgs'];
    const before = argumentsOf(valueAt(tree, path));
    const after = fitArguments(component, before, to);
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    changed = true;
    tree = withValue(tree, path, after.length === 0 ? undefined : after);
  }
  if (!changed) return undefined;
  // In the form that it has: what is said there in that form alone must not be lost.
  return formatDocuments([['ClusterConfiguration', tree]], api).text;
}

function apiOf(apiVersion: string): KubeadmApi {
  const name = apiVersion.replace(/^.*\//, '');
  return name === 'v1beta2' || name === 'v1beta3' ? name : 'v1beta4';
}

/** A kubelet's or kube-proxy's configuration of the cluster without feature gates that are gone; undefined where it fits as it is. */
export function fitComponentConfiguration(
  kind: 'KubeletConfiguration' | 'KubeProxyConfiguration',
  text: string,
  to: string,
): string | undefined {
  const document = parseKubeadmDocuments(text, kind).find((one) => one.kind === kind);
  const fitted = document && withoutGoneGates(document.content, to);
  return fitted && formatDocuments([[kind, fitted]], 'v1beta4').text;
}

/** A document without those of its `featureGates` that are gone; undefined where all are there. */
function withoutGoneGates(tree: Tree, to: string): Tree | undefined {
  const gates = tree['featureGates'];
  if (!isTree(gates)) return undefined;
  const kept = Object.entries(gates).filter(([name]) => {
    const since = GATES[name];
    return since === undefined || !atLeast(to, since);
  });
  if (kept.length === Object.keys(gates).length) return undefined;
  return withValue(tree, ['featureGates'], kept.length === 0 ? undefined : Object.fromEntries(kept));
}

/** Names under which a cluster of a version keeps its kubelets' configuration: with the minor version up to 1.23. */
export function kubeletConfigMap(version: string): string {
  return atLeast(version, '1.24') ? 'kubelet-config' : `kubelet-config-${semver.major(version)}.${semver.minor(version)}`;
}

/** `imageRepository` of a `ClusterConfiguration`. */
export function imageRepositoryOf(text: string): string | undefined {
  const value: unknown = parse(text);
  const repository = isTree(value) ? value['imageRepository'] : undefined;
  return typeof repository === 'string' && repository !== '' ? repository : undefined;
}
