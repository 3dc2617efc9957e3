// Stories: the life of a cluster in chapters, each one command of the operator.
import type { LabHost } from '@sealos/lab';
import { imageNames, nextKubernetes } from '../../scripts/cluster-images.ts';

export interface Chapter {
  readonly name: string;
  readonly args: readonly string[];
  /** The cluster's hosts at the end, by their lab names, one that has kubectl first; none: there is no cluster any more. */
  readonly masters: readonly string[];
  readonly workers: readonly string[];
  /** How many of the moments it gets, beside the others. */
  readonly weight: number;
  /** What the command says (exit 2) when it is repeated although all was done. */
  readonly refusedWhenDone?: RegExp;
}

const { kubernetes, hostgw, whoami } = imageNames;

const reset: Chapter = {
  name: 'reset',
  args: ['reset', '--yes'],
  masters: [],
  workers: [],
  weight: 4,
  refusedWhenDone: /there is no cluster 'default'/,
};

const alreadyDeleted = /none of these hosts is of cluster default/;

/** Two control planes and a worker; three and two; without the first control plane; under the next version; none. For five hosts. */
export function wholeLife(hosts: readonly LabHost[]): readonly Chapter[] {
  const ips = ipsOf(hosts);
  return [
    {
      name: 'create',
      args: ['run', kubernetes, hostgw, whoami, '--masters', ips('h1', 'h2'), '--nodes', ips('h3')],
      masters: ['h1', 'h2'],
      workers: ['h3'],
      weight: 6,
    },
    {
      name: 'add',
      args: ['add', '--masters', ips('h4'), '--nodes', ips('h5')],
      masters: ['h1', 'h2', 'h4'],
      workers: ['h3', 'h5'],
      weight: 5,
    },
    {
      name: 'delete',
      args: ['delete', '--masters', ips('h1'), '--yes'],
      masters: ['h2', 'h4'],
      workers: ['h3', 'h5'],
      weight: 5,
      refusedWhenDone: alreadyDeleted,
    },
    { name: 'upgrade', args: ['run', nextKubernetes.image], masters: ['h2', 'h4'], workers: ['h3', 'h5'], weight: 5 },
    reset,
  ];
}

/** A control plane; a second one; without the first; none. For two hosts, in a few minutes. */
export function shortLife(hosts: readonly LabHost[]): readonly Chapter[] {
  const ips = ipsOf(hosts);
  return [
    { name: 'create', args: ['run', kubernetes, hostgw, whoami, '--masters', ips('h1')], masters: ['h1'], workers: [], weight: 1 },
    { name: 'add', args: ['add', '--masters', ips('h2')], masters: ['h1', 'h2'], workers: [], weight: 1 },
    {
      name: 'delete',
      args: ['delete', '--masters', ips('h1'), '--yes'],
      masters: ['h2'],
      workers: [],
      weight: 1,
      refusedWhenDone: alreadyDeleted,
    },
    { ...reset, weight: 1 },
  ];
}

function ipsOf(hosts: readonly LabHost[]): (...names: readonly string[]) => string {
  return (...names) =>
    names
      .map((name) => {
        const host = hosts.find((one) => one.name === name);
        if (!host) throw new Error(`the story needs a host ${name}`);
        return host.ip;
      })
      .join(',');
}
