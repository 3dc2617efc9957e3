import { badInput } from '@sealos/image';
import { blockContains, nthOfBlock } from '../address-list.ts';
import { defaultNetworking } from './defaults.ts';
import { type Tree, valueAt } from './tree.ts';

export interface ClusterNetworking {
  /** One block, or two separated by a comma (dual stack). */
  readonly podSubnet: string;
  readonly serviceSubnet: string;
  readonly dnsDomain: string;
}

/** The networks of a ClusterConfiguration. Throws bad input for what is no block, blocks that overlap, and a VIP inside one. */
export function clusterNetworking(cluster: Tree, vip: string): ClusterNetworking {
  const member = (name: keyof ClusterNetworking) => {
    const value = valueAt(cluster, ['networking', name]);
    return typeof value === 'string' && value !== '' ? value : defaultNetworking[name];
  };
  const networking = { podSubnet: member('podSubnet'), serviceSubnet: member('serviceSubnet'), dnsDomain: member('dnsDomain') };
  const [pods, services] = [blocks(networking.podSubnet), blocks(networking.serviceSubnet)];
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
  return networking;
}

function blocks(text: string): readonly string[] {
  return text.split(',').map((block) => block.trim());
}
