import { isIPv4 } from 'node:net';
import { badInput } from '@sealos/image';
import { blockContains, nthOfBlock } from '../address-list.ts';
import type { Environment } from '../cluster/cluster.ts';
import { defaultNetworking, defaultNetworking6 } from './defaults.ts';
import { type Tree, valueAt } from './tree.ts';

export interface ClusterNetworking {
  /** One block, or two separated by a comma (dual stack). */
  readonly podSubnet: string;
  readonly serviceSubnet: string;
  readonly dnsDomain: string;
}

/** Addresses that the networks must suit. */
export interface NetworkedAddresses {
  /** Where workers find the API. */
  readonly vip: string;
  /** Of the first control plane: its API server serves the family of its own address only. */
  readonly master: string;
}

/**
 * The networks of a ClusterConfiguration; where it names none, ours of the family of the first control plane's address. Throws bad input
 * for what is no block, blocks that overlap, two of one family, a VIP inside one, and services of another family than the control plane.
 */
export function clusterNetworking(cluster: Tree, { vip, master }: NetworkedAddresses): ClusterNetworking {
  const standard = isIPv4(master) ? defaultNetworking : defaultNetworking6;
  const member = (name: keyof ClusterNetworking) => {
    const value = valueAt(cluster, ['networking', name]);
    return typeof value === 'string' && value !== '' ? value : standard[name];
  };
  const networking = { podSubnet: member('podSubnet'), serviceSubnet: member('serviceSubnet'), dnsDomain: member('dnsDomain') };
  const pods = blocks('podSubnet', networking.podSubnet);
  const services = blocks('serviceSubnet', networking.serviceSubnet);
  for (const block of [...pods, ...services]) {
    if (!blockContains(block, vip)) continue;
    throw badInput(
      'bad-networking',
      `the virtual address ${vip} lies in ${block}`,
      'choose other subnets, or another address with -e defaultVIP=IP',
    );
  }
  for (const pod of pods) {
    for (const service of services) {
      if (!blockContains(pod, nthOfBlock(service, 0)) && !blockContains(service, nthOfBlock(pod, 0))) continue;
      throw badInput(
        'bad-networking',
        `the pod subnet ${pod} and the service subnet ${service} overlap`,
        'choose blocks apart from each other',
      );
    }
  }
  const [first = ''] = services;
  if (isIPv4Block(first) !== isIPv4(master)) {
    throw badInput(
      'bad-networking',
      `the service subnet ${first} is not of the family of the control plane's address ${master}`,
      "name a block of that family first: Kubernetes' own service gets its address there",
    );
  }
  return networking;
}

/** Whether pods have addresses of both families. */
export function isDualStack({ podSubnet }: ClusterNetworking): boolean {
  return podSubnet.includes(',');
}

/**
 * What templates and commands of images see of the cluster's networks: `SEALOS_SYS_POD_SUBNET`, `SEALOS_SYS_SERVICE_SUBNET` and
 * `SEALOS_SYS_DNS_DOMAIN`, so that nobody need write the pods' block a second time for the image that brings the pod network.
 */
export function networkVariables({ podSubnet, serviceSubnet, dnsDomain }: ClusterNetworking): Environment {
  return new Map([
    ['SEALOS_SYS_POD_SUBNET', podSubnet],
    ['SEALOS_SYS_SERVICE_SUBNET', serviceSubnet],
    ['SEALOS_SYS_DNS_DOMAIN', dnsDomain],
  ]);
}

function blocks(name: string, text: string): readonly string[] {
  const list = text.split(',').map((block) => block.trim());
  const [one = '', two] = list;
  // Says where one is none.
  for (const block of list) nthOfBlock(block, 0);
  if (list.length <= 2 && (two === undefined || isIPv4Block(one) !== isIPv4Block(two))) return list;
  throw badInput(
    'bad-networking',
    `${name} '${text}' is not one block, or one IPv4 and one IPv6 block`,
    'write 10.160.0.0/12,fd00:10::/48',
  );
}

function isIPv4Block(block: string): boolean {
  return isIPv4(block.split('/')[0] ?? '');
}
