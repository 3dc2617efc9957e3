import { isIPv6 } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { SealosError } from '@sealos/image';
import { HostError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { StepContext } from '../step.ts';
import { type EtcdClient, openEtcd } from './client.ts';
import { STATIC_PODS } from './etcd-pod.ts';
import { type EtcdIdentity, identityOf } from './identity.ts';

type Watch = Pick<StepContext, 'signal' | 'onLine'>;

/** How long etcd on the seat may take to answer at all, in milliseconds: it may just be starting. */
const SEAT_STARTS = 30_000;
const INTERVAL = 500;

/**
 * Takes a host out of etcd's members, by the address that the others know it under; done where it is none. `seat` is another control
 * plane, which must be healthy; a cluster whose etcd runs elsewhere is left alone. etcd is asked itself: it serves some seconds before the API of
 * a control plane that has just begun knows its pod.
 */
export async function leaveEtcd(seat: Host, ip: string, { signal, onLine }: Watch): Promise<void> {
  if ((await seat.readFile(`${STATIC_PODS}/etcd.yaml`, { signal })) === undefined) return;
  const title = `removing ${ip} from etcd`;
  const peer = `https://${isIPv6(ip) ? `[${ip}]` : ip}:`;
  try {
    using etcd = await openStarting(seat, await identityOf(seat, signal), signal);
    for (const { id, peerUrls } of await etcd.members(signal)) {
      if (!peerUrls.some((url) => url.startsWith(peer))) continue;
      onLine(`member ${id.toString(16)} leaves`);
      await etcd.removeMember(id, signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (!isOfEtcd(error)) throw error;
    throw new HostError('etcd-unwell', `its etcd takes no changes: ${error.message.replace(`${seat.name}: `, '')}`, {
      host: seat.name,
      title,
      cause: error,
      hint: 'more than half of its members must be up: start hosts that are off, or go back to a backup with `sealos etcd restore`',
    });
  }
}

/** Nothing listens, or etcd itself did not do what it was asked for. A connection to the host that went is something else. */
function isOfEtcd(error: unknown): error is SealosError {
  return error instanceof SealosError && ['not-listening', 'etcd-failed'].includes(error.code);
}

async function openStarting(seat: Host, identity: EtcdIdentity, signal: AbortSignal): Promise<EtcdClient> {
  const end = performance.now() + SEAT_STARTS;
  for (;;) {
    try {
      return await openEtcd(seat, identity, signal);
    } catch (error) {
      if (!isOfEtcd(error) || performance.now() > end) throw error;
    }
    await pause(INTERVAL, undefined, { signal });
  }
}
