import type { KubeadmDocument, KubeadmKind } from './document.ts';
import { isTree, type Tree, valueAt, withValue } from './tree.ts';
import type { KubeadmApi } from './version.ts';

/** Documents are merged in one form, v1beta4's, and written in the form of the cluster's version. */
export interface Converted {
  readonly content: Tree;
  /** What the other form cannot say. */
  readonly warnings: readonly string[];
}

type Path = readonly string[];

/** Where a document holds command-line arguments: maps up to v1beta3, lists of names and values since v1beta4. */
const argumentPaths: Readonly<Partial<Record<KubeadmKind, readonly Path[]>>> = {
  ClusterConfiguration: [
    ['apiServer', 'extraArgs'],
    ['controllerManager', 'extraArgs'],
    ['scheduler', 'extraArgs'],
    ['etcd', 'local', 'extraArgs'],
  ],
  InitConfiguration: [['nodeRegistration', 'kubeletExtraArgs']],
  JoinConfiguration: [['nodeRegistration', 'kubeletExtraArgs']],
};

/** Members that came with a version of the configuration. */
const introduced: Readonly<Partial<Record<KubeadmKind, readonly { readonly path: Path; readonly api: KubeadmApi }[]>>> = {
  ClusterConfiguration: [
    { path: ['apiServer', 'extraEnvs'], api: 'v1beta4' },
    { path: ['controllerManager', 'extraEnvs'], api: 'v1beta4' },
    { path: ['scheduler', 'extraEnvs'], api: 'v1beta4' },
    { path: ['etcd', 'local', 'extraEnvs'], api: 'v1beta4' },
    { path: ['etcd', 'external', 'httpEndpoints'], api: 'v1beta4' },
    { path: ['certificateValidityPeriod'], api: 'v1beta4' },
    { path: ['caCertificateValidityPeriod'], api: 'v1beta4' },
    { path: ['encryptionAlgorithm'], api: 'v1beta4' },
    { path: ['dns', 'disabled'], api: 'v1beta4' },
    { path: ['proxy'], api: 'v1beta4' },
  ],
  InitConfiguration: nodeMembers(),
  JoinConfiguration: nodeMembers(),
};

/** Members that v1beta3 took away. */
const removed: readonly Path[] = [['useHyperKubeImage'], ['dns', 'type']];

function nodeMembers(): readonly { readonly path: Path; readonly api: KubeadmApi }[] {
  return [
    { path: ['nodeRegistration', 'imagePullPolicy'], api: 'v1beta3' },
    { path: ['nodeRegistration', 'imagePullSerial'], api: 'v1beta4' },
    { path: ['patches'], api: 'v1beta3' },
    { path: ['dryRun'], api: 'v1beta4' },
    { path: ['timeouts'], api: 'v1beta4' },
  ];
}

/** A document of any supported version in v1beta4's form, save that the API server's timeout stays with the API server. */
export function toCanonical({ kind, apiVersion, content }: KubeadmDocument): Converted {
  const warnings: string[] = [];
  let tree: Tree = content;
  for (const path of argumentPaths[kind] ?? []) {
    const args = valueAt(tree, path);
    if (isTree(args)) tree = withValue(tree, path, Object.entries(args).map(argument));
    else if (Array.isArray(args))
      tree = withValue(
        tree,
        path,
        args.map((one) => (isTree(one) ? argument([String(one['name']), one['value']]) : one)),
      );
  }
  if (kind === 'JoinConfiguration') {
    const timeout = valueAt(tree, ['discovery', 'timeout']);
    if (timeout !== undefined) tree = withValue(withValue(tree, ['discovery', 'timeout'], undefined), ['timeouts', 'discovery'], timeout);
  }
  if (kind === 'ClusterConfiguration' && apiVersion.endsWith('v1beta2')) {
    for (const path of removed) {
      if (valueAt(tree, path) === undefined) continue;
      warnings.push(`ClusterConfiguration.${path.join('.')} is left out: it has no effect since kubeadm v1beta3`);
      tree = withValue(tree, path, undefined);
    }
  }
  return { content: tree, warnings };
}

/** A canonical document in the form of `api`; what that cannot say is left out, with a warning. `skipPhases` is the caller's to move. */
export function fromCanonical(kind: KubeadmKind, content: Tree, api: KubeadmApi): Converted {
  if (api === 'v1beta4') return { content, warnings: [] };
  const warnings: string[] = [];
  let tree = content;
  if (kind === 'JoinConfiguration') {
    const timeout = valueAt(tree, ['timeouts', 'discovery']);
    if (timeout !== undefined) tree = withValue(withoutTimeout(tree, 'discovery'), ['discovery', 'timeout'], timeout);
  }
  for (const path of argumentPaths[kind] ?? []) {
    const args = valueAt(tree, path);
    if (!Array.isArray(args)) continue;
    const entries = args.filter(isTree).map((one) => [String(one['name']), one['value']] as const);
    for (const name of new Set(entries.map(([one]) => one).filter((one, index, all) => all.indexOf(one) !== index))) {
      warnings.push(`${kind}.${path.join('.')}: of several values of '${name}' only the last counts with kubeadm ${api}`);
    }
    tree = withValue(tree, path, Object.fromEntries(entries));
  }
  for (const { path, api: since } of introduced[kind] ?? []) {
    if (since <= api || valueAt(tree, path) === undefined) continue;
    warnings.push(`${kind}.${path.join('.')} is left out: kubeadm ${api} does not know it`);
    tree = withValue(tree, path, undefined);
  }
  return { content: tree, warnings };
}

/** How long kubeadm waits for the control plane: the API server's member up to v1beta3, one of InitConfiguration's timeouts since. */
export function placeControlPlaneTimeout(cluster: Tree, init: Tree, api: KubeadmApi): { readonly cluster: Tree; readonly init: Tree } {
  const [old, now] = [
    ['apiServer', 'timeoutForControlPlane'],
    ['timeouts', 'controlPlaneComponentHealthCheck'],
  ] as const;
  const timeout = valueAt(init, now) ?? valueAt(cluster, old);
  if (timeout === undefined) return { cluster, init };
  if (api === 'v1beta4') return { cluster: withValue(cluster, old, undefined), init: withValue(init, now, timeout) };
  return { cluster: withValue(cluster, old, timeout), init: withoutTimeout(init, 'controlPlaneComponentHealthCheck') };
}

function withoutTimeout(tree: Tree, name: string): Tree {
  const rest = withValue(tree, ['timeouts', name], undefined);
  const timeouts = valueAt(rest, ['timeouts']);
  return isTree(timeouts) && Object.keys(timeouts).length === 0 ? withValue(rest, ['timeouts'], undefined) : rest;
}

/** Arguments are text, however YAML reads them (`audit-log-maxage: 7`); null takes one out. */
function argument([name, value]: readonly [string, unknown]): Tree {
  return { name, value: value === null ? null : String(value) };
}
