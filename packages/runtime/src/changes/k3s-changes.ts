import { isDeepStrictEqual } from 'node:util';
import type { K3sOptions } from '../k3s/options.ts';
import type { Change } from './change.ts';
import { actionOf, values } from './shown.ts';

/** Options of k3s that differ: hosts that stand keep those that they were started with. */
export function k3sChanges(from: K3sOptions = {}, to: K3sOptions = {}): readonly Change[] {
  return [...new Set([...Object.keys(from), ...Object.keys(to)])].flatMap((key): readonly Change[] => {
    const [old, now] = [from[key], to[key]];
    if (isDeepStrictEqual(old, now)) return [];
    const refused = 'k3s keeps the options that it was started with; write others to /etc/rancher/k3s/config.yaml.d on the hosts';
    return [{ kind: 'k3s', action: actionOf(old, now), subject: key, ...values(key, old, now), refused }];
  });
}
