import { setTimeout as pause } from 'node:timers/promises';
import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { HostError } from '../error.ts';
import { STATIC_PODS } from '../etcd/etcd-pod.ts';
import { leaveEtcd } from '../etcd/leave.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { StepContext } from '../step.ts';
import { resetPartialKubeadm } from './kubeadm-reset.ts';
import { isPartOfCluster } from './membership.ts';

/** How long a member of etcd may take to come up, in milliseconds: its kubelet may be new, and wait between two attempts. */
const ETCD_STARTS = 180_000;
const INTERVAL = 2000;

type Watch = Pick<StepContext, 'signal' | 'onLine'>;

/**
 * Takes back what an interrupted `kubeadm join` left on a control plane: it leaves etcd while it lives, and is wiped out then. `seat` is the
 * control plane that it joins; one that does not stand yet has no members to lose.
 */
export async function clearPartialMaster(host: Host, seat: Host, layout: HostLayout, watch: Watch): Promise<void> {
  if (seat.address.ip !== host.address.ip && (await isPartOfCluster(seat, layout, watch.signal))) await leaveUnfinished(host, seat, watch);
  await host.run(resetPartialKubeadm(), { title: 'clearing an interrupted kubeadm run', ...watch });
}

/**
 * Takes a control plane whose join was cut off out of etcd. It may be a member already, and of two members each is needed for the quorum: without
 * it the cluster takes no changes, its removal included. Nothing is done on a host without remains of a join.
 */
export async function leaveUnfinished(host: Host, seat: Host, watch: Watch): Promise<void> {
  const { stdout: remains } = await host.run(script`ls -d ${STATIC_PODS}/*.yaml /var/lib/etcd/member 2>/dev/null || true`, {
    title: 'looking for an interrupted kubeadm run',
    signal: watch.signal,
  });
  if (remains.trim() !== '') await leaveWhileItLives(host, seat, watch);
}

async function leaveWhileItLives(host: Host, seat: Host, watch: Watch): Promise<void> {
  const end = performance.now() + ETCD_STARTS;
  for (;;) {
    try {
      await leaveEtcd(seat, host.address.ip, watch);
      return;
    } catch (error) {
      if (!(error instanceof HostError) || error.code !== 'etcd-unwell' || performance.now() > end) throw error;
    }
    await startMember(host, seat, watch);
    await pause(INTERVAL, undefined, { signal: watch.signal });
  }
}

/**
 * kubeadm makes the host a member of etcd and has etcd run there after that: where it was cut off in between, etcd is started here, so that there
 * is a quorum which can let it go.
 */
async function startMember(host: Host, seat: Host, { signal }: Watch): Promise<void> {
  const path = `${STATIC_PODS}/etcd.yaml`;
  if ((await host.readFile(path, { signal })) !== undefined) return;
  const example = await seat.readFile(path, { signal });
  const { stdout } = await host.run(script`hostname | tr '[:upper:]' '[:lower:]'`, { title: "asking for the host's name", signal });
  const manifest =
    example && memberManifest(Buffer.from(example).toString(), { ip: seat.address.ip }, { ip: host.address.ip, name: stdout.trim() });
  if (manifest) await host.writeFiles([{ path, content: manifest, mode: 0o600 }], { title: 'starting etcd, so that it can leave', signal });
}

const manifestSchema = v.looseObject({
  spec: v.looseObject({ containers: v.tupleWithRest([v.looseObject({ command: v.array(v.string()) })], v.unknown()) }),
});

/** The manifest of etcd on a host that was made a member beside `seat`, from the seat's own; undefined where that is none of kubeadm's. */
export function memberManifest(
  seatManifest: string,
  seat: { readonly ip: string },
  member: { readonly ip: string; readonly name: string },
): string | undefined {
  const known = v.safeParse(manifestSchema, parse(seatManifest));
  if (!known.success) return undefined;
  const flag = (name: string) =>
    known.output.spec.containers[0].command.find((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const [peer, name] = [flag('initial-advertise-peer-urls'), flag('name')];
  if (peer === undefined || name === undefined) return undefined;
  const own = v.safeParse(manifestSchema, parse(seatManifest.replaceAll(new RegExp(`${RegExp.escape(seat.ip)}(?!\\d)`, 'g'), member.ip)));
  if (!own.success) return undefined;
  const { spec } = own.output;
  const [etcd, ...others] = spec.containers;
  const changed = new Map([
    ['--name', member.name],
    ['--initial-cluster', `${name}=${peer},${member.name}=${peer.replaceAll(seat.ip, member.ip)}`],
    ['--initial-cluster-state', 'existing'],
  ]);
  const kept = etcd.command.filter((word) => !changed.has(word.split('=')[0] ?? ''));
  const command = [...kept, ...[...changed].map(([key, value]) => `${key}=${value}`)];
  return stringify({ ...own.output, spec: { ...spec, containers: [{ ...etcd, command }, ...others] } });
}
