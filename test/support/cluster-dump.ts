// A cluster as text, so that one that was built undisturbed can be compared with one whose building was interrupted and repeated.
import { setTimeout as pause } from 'node:timers/promises';
import type { Lab } from '../../packages/lab/src/index.ts';
import { type ClusterHostLines, clusterHostScript, parseClusterHost } from './cluster-dump-host.ts';
import { objectLines, parseObjects, podBlocks, podLine, podsOnNodes } from './cluster-dump-objects.ts';
import { onLabHost } from './host-state.ts';
import { lineDifferences } from './host-state-lines.ts';

export interface ClusterDumpInput {
  /** Runs kubectl with these words as the cluster's administrator and returns what it printed. */
  readonly kubectl: (args: readonly string[]) => Promise<string>;
  /** The lab hosts that carry the cluster; without them only the API's objects are dumped. */
  readonly hosts?: { readonly lab: Pick<Lab, 'ssh'>; readonly names: readonly string[] };
  /** Name of the cluster, `default` by default. */
  readonly cluster?: string;
  /** Text that differs between the two clusters though they are equal: `10.77.3.11` to `IP of h1`. */
  readonly replace?: ReadonlyMap<string, string>;
}

/** Sorted lines, each beginning with what it is about. */
export type ClusterDump = readonly string[];

/** Kinds that live from one moment to the next, or that follow from others. */
const passing =
  /^(events|leases|endpoints|endpointslices|componentstatuses|replicasets|controllerrevisions|certificatesigningrequests|csinodes|pods|podmetrics|nodemetrics|ipamblocks|ipamhandles|ipamconfigs|blockaffinities)(\.|$)/;

async function objectsOf({ kubectl }: ClusterDumpInput) {
  const kinds = (await kubectl(['api-resources', '--verbs=list', '-o', 'name']))
    .split('\n')
    .filter((kind) => kind !== '' && !passing.test(kind));
  const objects = parseObjects(await kubectl(['get', kinds.join(','), '--all-namespaces', '-o', 'json']));
  const pods = parseObjects(await kubectl(['get', 'pods', '--all-namespaces', '-o', 'json']));
  return { objects, pods };
}

/** What holds for a cluster as a whole: shared keys are the same, and nothing runs without the API knowing of it. */
function acrossHosts(hosts: ReadonlyMap<string, ClusterHostLines>, pods: ReturnType<typeof podsOnNodes>): readonly string[] {
  const byFile = new Map<string, Set<string>>();
  for (const { shared } of hosts.values()) for (const [file, hash] of shared) byFile.set(file, (byFile.get(file) ?? new Set()).add(hash));
  return [
    ...[...byFile].map(([file, hashes]) => `shared ${file} ${hashes.size === 1 ? 'is the same' : `has ${hashes.size} forms`}`),
    ...[...hosts].flatMap(([name, { veths, sandboxes }]) => {
      const { running = 0, networked = 0 } = pods.get(name) ?? {};
      return [`host ${name} links without a pod: ${veths - networked}`, `host ${name} sandboxes without a pod: ${sandboxes - running}`];
    }),
  ];
}

/**
 * Everything that makes a cluster what it is: nodes, workloads, ConfigMaps, access rules and all other objects; of each host the manifests,
 * kubelet's settings, rendered files, certificates, units, rules and hosts lines. Without what comes by chance; secrets only as their kinds.
 */
export async function clusterDump(input: ClusterDumpInput): Promise<ClusterDump> {
  const { objects, pods } = await objectsOf(input);
  const script = clusterHostScript(input.cluster ?? 'default');
  const hosts = new Map<string, ClusterHostLines>();
  for (const name of input.hosts?.names ?? []) {
    if (input.hosts) hosts.set(name, parseClusterHost(await onLabHost(input.hosts.lab, name, script)));
  }
  const lines = [
    // Tokens expire by themselves: one more, made by a repeated run, is no difference.
    ...new Set(objects.flatMap(objectLines)),
    ...pods.map(podLine),
    ...[...hosts].flatMap(([name, host]) => host.lines.map((line) => `host ${name} ${line}`)),
    ...acrossHosts(hosts, podsOnNodes(pods)),
  ];
  const blocks = [...podBlocks(objects)].flatMap(([block, node]) => {
    const ofNode = `<pod block of ${node}>`;
    // The bridge's own address, where it shows, is the first of the block.
    return [
      [block, ofNode] as const,
      ...(block.endsWith('.0/24') ? [[`${block.slice(0, -'0/24'.length)}1 `, `<first of ${ofNode}> `] as const] : []),
    ];
  });
  const replacements = [...blocks, ...(input.replace ?? [])].sort(([one], [other]) => other.length - one.length);
  return lines.map((line) => replacements.reduce((text, [from, to]) => text.replaceAll(from, to), line)).sort();
}

/** Lines that only one of the clusters has: `-` the first, `+` the second. Empty: they are equal. */
export function compareClusterDump(first: ClusterDump, second: ClusterDump): readonly string[] {
  return lineDifferences(first, second);
}

/** Dumps the cluster until it equals another, for at most `timeout` milliseconds (pods become ready in their own time); returns what then differs. */
export async function lastingClusterDifferences(
  expected: ClusterDump,
  input: ClusterDumpInput,
  timeout = 120_000,
): Promise<readonly string[]> {
  const end = Date.now() + timeout;
  for (;;) {
    const differences = compareClusterDump(expected, await clusterDump(input));
    if (differences.length === 0 || Date.now() > end) return differences;
    await pause(2000);
  }
}
