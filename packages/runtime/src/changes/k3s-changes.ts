import { isDeepStrictEqual } from 'node:util';
import type { K3sOptions } from '../k3s/options.ts';
import type { Change } from './change.ts';
import { refuseImpossible } from './changes-between.ts';
import { actionOf, values } from './shown.ts';

const KEPT = 'k3s keeps the options that it was started with; write others to /etc/rancher/k3s/config.yaml.d on the hosts';

/** Options of k3s that differ. What of them the image says anyhow is not known here. */
export function k3sChanges(from: K3sOptions = {}, to: K3sOptions = {}): readonly Change[] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((key): readonly Change[] => {
    const [old, now] = [from[key], to[key]];
    if (isDeepStrictEqual(old, now)) return [];
    return [
      { kind: 'k3s', action: actionOf(old, now), subject: key, ...values(key, old, now), note: 'refused, unless the image says the same' },
    ];
  });
}

/** Throws bad input where options differ that a cluster was made with, the image's own laid under both. */
export function refuseOtherOptions(from: K3sOptions, to: K3sOptions, clusterName: string): void {
  refuseImpossible(
    k3sChanges(from, to).map((change) => ({ ...change, refused: KEPT })),
    clusterName,
  );
}
