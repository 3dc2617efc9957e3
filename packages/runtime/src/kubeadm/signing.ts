import { parseYamlStream } from '../cluster/yaml-stream.ts';
import { centuryOfHours } from './defaults.ts';
import { isTree, valueAt } from './tree.ts';

const DURATION = /^(experimental-)?cluster-signing-duration$/;
/** What has the controller manager sign with another authority, or not at all. */
const OTHERWISE = /^(experimental-)?cluster-signing-|^controllers$/;

/**
 * Whether the controller manager of kubeadm's documents (`kubeadm init --config`) signs kubelets' certificates as this program would: with the
 * cluster's own authority, for a hundred years.
 */
export function signsForCentury(documents: string): boolean {
  const cluster = parseYamlStream(documents, 'kubeadm').find(({ value }) => value['kind'] === 'ClusterConfiguration');
  const flags = cluster ? flagsOf(valueAt(cluster.value, ['controllerManager', 'extraArgs'])) : [];
  const deciding = flags.filter(([name]) => OTHERWISE.test(name));
  return deciding.length === 1 && deciding.every(([name, value]) => DURATION.test(name) && value === centuryOfHours);
}

/** Arguments as a map (kubeadm's v1beta2, v1beta3) or as a list of names and values (v1beta4). */
function flagsOf(extraArgs: unknown): readonly (readonly [name: string, value: string])[] {
  if (Array.isArray(extraArgs)) return extraArgs.filter(isTree).map(({ name, value }) => [String(name), String(value)]);
  return isTree(extraArgs) ? Object.entries(extraArgs).map(([name, value]) => [name, String(value)]) : [];
}
