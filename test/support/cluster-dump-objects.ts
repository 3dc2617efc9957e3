// The objects of a cluster as lines, without what the API server makes up.
import { withoutChance } from './cluster-dump-chance.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Fields = { readonly [key: string]: Json };

/** kubectl's `-o json` of anything; a list's objects are taken out of it. */
export function parseObjects(text: string): readonly Fields[] {
  const parsed: Json = JSON.parse(text);
  const object = fields(parsed);
  return object['kind'] === 'List' ? list(object['items']).map(fields) : [object];
}

const isFields = (value: Json | undefined): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);
const fields = (value: Json | undefined): Fields => (isFields(value) ? value : {});
const list = (value: Json | undefined): readonly Json[] => (Array.isArray(value) ? value : []);
const word = (value: Json | undefined): string => (typeof value === 'string' || typeof value === 'number' ? String(value) : '');

const madeUp = new Set([
  'uid',
  'resourceVersion',
  'generation',
  'creationTimestamp',
  'managedFields',
  'selfLink',
  'status',
  'ownerReferences',
]);

/** Annotations that repeat what is said elsewhere, or say when. */
const passing =
  /^(kubectl\.kubernetes\.io\/last-applied-configuration|deployment\.kubernetes\.io\/revision|deprecated\.daemonset\.template\.generation|control-plane\.alpha\.kubernetes\.io\/leader|flannel\.alpha\.coreos\.com\/backend-data|projectcalico\.org\/.*TunnelAddr|kubectl\.kubernetes\.io\/restartedAt|endpoints\.kubernetes\.io\/.*)$/;

function without(object: Fields, drop: (key: string) => boolean): Fields {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !drop(key)));
}

/** `path = value` for every leaf; of a text of several lines each line by itself. */
function leaves(path: string, value: Json): readonly string[] {
  if (Array.isArray(value))
    return value.length === 0 ? [`${path} = []`] : value.flatMap((item, index) => leaves(`${path}[${index}]`, item));
  if (isFields(value)) {
    const entries = Object.entries(value);
    return entries.length === 0 ? [`${path} = {}`] : entries.flatMap(([key, inner]) => leaves(path ? `${path}.${key}` : key, inner));
  }
  const text = typeof value === 'string' ? withoutChance(value) : JSON.stringify(value);
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.length > 1 ? lines.map((line) => `${path} | ${line}`) : [`${path} = ${lines[0] ?? ''}`];
}

/** What a kind has of its own that comes by chance, and what of its status says that it works. */
function ownRules(kind: string, object: Fields): Fields {
  const spec = fields(object['spec']);
  const status = fields(object['status']);
  if (kind === 'Node') {
    const info = without(fields(status['nodeInfo']), (key) => /^(machineID|systemUUID|bootID)$/.test(key));
    const ready = list(status['conditions'])
      .map(fields)
      .find((condition) => condition['type'] === 'Ready');
    const { podCIDR: _one, podCIDRs: _all, ...rest } = spec;
    return {
      spec: { ...rest, podCIDRs: list(spec['podCIDRs']).length },
      info,
      ready: ready?.['status'] ?? 'Unknown',
      addresses: status['addresses'] ?? [],
    };
  }
  if (kind === 'Service') {
    const annotated = word(fields(fields(object['metadata'])['annotations'])['kubectl.kubernetes.io/last-applied-configuration']);
    const asked = annotated === '' ? '' : JSON.stringify(fields(fields(JSON.parse(annotated))['spec']));
    const hide = (key: string) =>
      (key === 'clusterIP' || key === 'clusterIPs' || key === 'healthCheckNodePort') &&
      word(spec['clusterIP']) !== 'None' &&
      !asked.includes('"clusterIP"') &&
      word(fields(object['metadata'])['name']) !== 'kubernetes';
    const ports = list(spec['ports']).map((port) =>
      asked.includes('"nodePort"') ? fields(port) : without(fields(port), (key) => key === 'nodePort'),
    );
    return { spec: { ...without(spec, hide), ports } };
  }
  if (kind === 'DaemonSet') return { ready: status['numberReady'] ?? 0, wanted: status['desiredNumberScheduled'] ?? 0 };
  if (kind === 'Deployment' || kind === 'StatefulSet') return { ready: status['readyReplicas'] ?? 0 };
  if (kind === 'Namespace') return { phase: status['phase'] ?? '' };
  return {};
}

/** One object as lines that each begin with its kind, namespace and name. */
export function objectLines(object: Fields): readonly string[] {
  const kind = word(object['kind']);
  const metadata = fields(object['metadata']);
  const name = withoutChance(word(metadata['name']));
  const where = `${kind} ${metadata['namespace'] ? `${word(metadata['namespace'])}/` : ''}${name}`;
  if (kind === 'Secret')
    return [
      `${where} type = ${word(object['type'])}`,
      ...Object.keys(fields(object['data'])).map((key) => `${where} holds ${withoutChance(key)}`),
    ];
  const kept = without(metadata, (key) => madeUp.has(key) || key === 'name' || key === 'namespace');
  const annotations = without(fields(metadata['annotations']), (key) => passing.test(key));
  const body = without(object, (key) => madeUp.has(key) || key === 'metadata' || key === 'kind');
  const shown: Fields = {
    ...body,
    metadata: { ...kept, ...(metadata['annotations'] === undefined ? {} : { annotations }) },
    ...ownRules(kind, object),
  };
  // A key of a ConfigMap may hold a token's name.
  return leaves('', shown).map((line) => `${where} ${withoutChance(line.replace(/^\./, ''))}`);
}

/** Where a pod comes from: `DaemonSet kube-system/kube-proxy on h1`, `Deployment default/web`. */
function podOrigin(pod: Fields): string {
  const metadata = fields(pod['metadata']);
  const namespace = word(metadata['namespace']);
  const owner = fields(list(metadata['ownerReferences'])[0]);
  const kind = word(owner['kind']);
  const node = word(fields(pod['spec'])['nodeName']);
  if (kind === 'ReplicaSet') return `Deployment ${namespace}/${word(owner['name']).replace(/-[a-z0-9]+$/, '')}`;
  if (kind === 'DaemonSet') return `DaemonSet ${namespace}/${word(owner['name'])} on ${node}`;
  if (kind === 'Node') return `static ${namespace}/${word(metadata['name'])}`;
  return kind ? `${kind} ${namespace}/${word(owner['name'])}` : `pod ${namespace}/${word(metadata['name'])}`;
}

/** One line a pod: whence, and whether it runs. */
export function podLine(pod: Fields): string {
  const status = fields(pod['status']);
  const ready = list(status['conditions'])
    .map(fields)
    .some((condition) => condition['type'] === 'Ready' && condition['status'] === 'True');
  return `Pod of ${podOrigin(pod)}: ${word(status['phase'])}${ready ? ', ready' : ''}`;
}

/** Blocks of pod addresses by the node that has them. Which node gets which is a race of workers that join side by side. */
export function podBlocks(objects: readonly Fields[]): ReadonlyMap<string, string> {
  return new Map(
    objects
      .filter((object) => object['kind'] === 'Node')
      .flatMap((node) =>
        list(fields(node['spec'])['podCIDRs']).map((block) => [word(block), word(fields(node['metadata'])['name'])] as const),
      ),
  );
}

/** How many pods run on each node, and how many of them have a network of their own. */
export function podsOnNodes(pods: readonly Fields[]): ReadonlyMap<string, { readonly running: number; readonly networked: number }> {
  const counts = new Map<string, { running: number; networked: number }>();
  for (const pod of pods) {
    if (word(fields(pod['status'])['phase']) !== 'Running') continue;
    const spec = fields(pod['spec']);
    const count = counts.get(word(spec['nodeName'])) ?? { running: 0, networked: 0 };
    counts.set(word(spec['nodeName']), { running: count.running + 1, networked: count.networked + (spec['hostNetwork'] === true ? 0 : 1) });
  }
  return counts;
}
