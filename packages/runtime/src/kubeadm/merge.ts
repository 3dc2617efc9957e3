import { isTree, type Tree } from './tree.ts';

/** Lists that Kubernetes reads as maps: by which members an element is known. */
const keyedLists: Readonly<Record<string, readonly string[]>> = {
  extraArgs: ['name'],
  kubeletExtraArgs: ['name'],
  extraEnvs: ['name'],
  extraVolumes: ['name'],
  taints: ['key', 'effect'],
  registerWithTaints: ['key', 'effect'],
  bootstrapTokens: ['token'],
};

/** Lists that are sets: what a later document names is added. */
const sets: ReadonlySet<string> = new Set([
  'certSANs',
  'serverCertSANs',
  'peerCertSANs',
  'ignorePreflightErrors',
  'skipPhases',
  'excludeCIDRs',
]);

/** How a list of this name is read: as a map by these members, as a set, or (undefined) as a plain list. */
export function listKeys(name: string): readonly string[] | 'set' | undefined {
  if (sets.has(name)) return 'set';
  return Object.hasOwn(keyedLists, name) ? keyedLists[name] : undefined;
}

/**
 * Lays one document over another of the same kind. Maps merge; lists that are maps merge by key (an argument given several times
 * replaces all of its name); lists that are sets unite; any other list and every scalar is replaced; `null` takes a member out.
 * Merging the same document twice changes nothing.
 */
export function mergeTrees(base: Tree, over: Tree): Tree {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    if (value === null) delete merged[key];
    else merged[key] = mergeValue(key, merged[key], value);
  }
  // kubeadm takes one kind of etcd only.
  if (isTree(over['external']) && 'local' in base) delete merged['local'];
  if (isTree(over['local']) && 'external' in base) delete merged['external'];
  return merged;
}

function mergeValue(key: string, base: unknown, over: unknown): unknown {
  if (isTree(over)) return mergeTrees(isTree(base) ? base : {}, over);
  if (!Array.isArray(over)) return over;
  const old = Array.isArray(base) ? base : [];
  // An empty list of taints is an answer of its own: none.
  if (key === 'taints' && over.length === 0) return over;
  const members = listKeys(key);
  if (members === 'set') return [...new Set([...old, ...over])];
  return members === undefined ? over : mergeKeyed(old, over, members);
}

function mergeKeyed(base: readonly unknown[], over: readonly unknown[], members: readonly string[]): readonly unknown[] {
  const keyOf = (element: unknown) => JSON.stringify(members.map((member) => (isTree(element) ? element[member] : element)));
  const replaced = new Set<string>();
  const result = base.flatMap((element) => {
    const key = keyOf(element);
    const found = over.filter((other) => keyOf(other) === key);
    if (found.length === 0) return [element];
    if (replaced.has(key)) return [];
    replaced.add(key);
    return found.map((other) => (isTree(element) && isTree(other) && other['value'] !== null ? mergeTrees(element, other) : other));
  });
  // An argument whose value is null is one to be taken out.
  return [...result, ...over.filter((element) => !replaced.has(keyOf(element)))].filter(
    (element) => !isTree(element) || element['value'] !== null,
  );
}
