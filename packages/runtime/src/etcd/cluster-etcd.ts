import { badInput, SealosError } from '@sealos/image';
import { hostName } from '../host/host-name.ts';
import { openEtcd } from './client.ts';
import { type EtcdHealth, etcdHealth } from './health.ts';
import { type EtcdMasters, type EtcdTarget, reachEtcdMasters } from './masters.ts';

async function healthOf(masters: EtcdMasters, signal: AbortSignal): Promise<EtcdHealth> {
  const unreached = masters.unreached.map(({ spec, error }) => {
    const name = hostName(spec.address);
    return { name, ip: spec.address.ip, why: (error instanceof Error ? error.message : String(error)).replace(`${name}: `, '') };
  });
  return etcdHealth({ masters: masters.hosts, unreached, identity: masters.identity, signal });
}

/** `sealos etcd health`: every member of a stored cluster's etcd. Throws only where no control-plane host can be asked at all. */
export async function clusterEtcdHealth(target: EtcdTarget): Promise<EtcdHealth> {
  await using masters = await reachEtcdMasters(target);
  return await healthOf(masters, target.signal);
}

export interface DefragmentOptions extends EtcdTarget {
  /** Each member when it is done, with the bytes of its file before and after. */
  readonly onMember: (host: string, before: number, after: number) => void;
}

/**
 * `sealos etcd defrag`: gives free space in the members' files back, one member after the other and the leader last, because a member
 * serves nothing meanwhile; then takes back alarms of lack of space. Refuses (exit 2) where a member is not well: the quorum could be lost.
 */
export async function defragmentCluster(options: DefragmentOptions): Promise<void> {
  const { signal, onMember } = options;
  await using masters = await reachEtcdMasters(options);
  const { members } = await healthOf(masters, signal);
  const ill = members.find((member) => member.problem !== undefined && !member.alarms.includes('NOSPACE'));
  if (ill) {
    throw badInput(
      'etcd-unhealthy',
      `${ill.endpoint}: ${ill.problem}`,
      'see `sealos etcd health`; a member that is defragmented serves nothing meanwhile',
    );
  }
  const leader = members.find(({ isLeader }) => isLeader)?.endpoint;
  const order = masters.hosts.toSorted((one, other) => Number(one.name === leader) - Number(other.name === leader));
  for (const host of order) {
    using client = await openEtcd(host, masters.identity, signal);
    const { dbSize: before } = await client.status(signal);
    await client.defragment(signal);
    const { dbSize: after } = await client.status(signal);
    onMember(host.name, before, after);
  }
  const [first] = order;
  if (!first) throw new SealosError('no-etcd', 'no member of etcd was reached');
  using client = await openEtcd(first, masters.identity, signal);
  for (const alarm of await client.alarms(signal)) if (alarm.alarm === 'NOSPACE') await client.disarm(alarm, signal);
}
