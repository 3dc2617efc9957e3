import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { entryOf, SealosError, writeTar } from '@sealos/image';
import { HostError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { StepContext, Todo } from '../step.ts';
import type { EtcdPod } from './etcd-pod.ts';
import { etcdTool } from './etcd-tool.ts';
import { findProcesses } from './restore-control-plane.ts';
import type { SnapshotFile } from './snapshot-file.ts';

/** One restore of one snapshot, the same in every attempt at it. */
export interface RestoreOperation {
  /** Eight hex digits: names what belongs to it on the hosts. */
  readonly id: string;
  /** `20261121T110709Z`, when it was begun. */
  readonly begun: string;
  /** Of the snapshot. */
  readonly sha256: string;
}

/** What a host's member is to become, next to the others. */
export interface RestoreTarget {
  readonly pod: EtcdPod;
  /** `name=URL,…` of all members. */
  readonly initialCluster: string;
}

/**
 * Bash: `data`, `new` (the member's data as the snapshot makes it) and `aside` (what was there before), all on one filesystem, so that
 * each moves by a rename. On a data directory that is a mount of its own, they lie inside of it, where etcd does not mind them.
 */
export function dataPaths({ dataDirectory }: EtcdPod, { id, begun }: RestoreOperation): Script {
  return script`data=${dataDirectory}
if mountpoint -q "$data" 2>/dev/null; then
  new=$data/restored-${id} aside=$data/before-restore-${begun}
else
  new=$data.restored-${id} aside=$data.before-restore-${begun}
fi
stage_of_data() { if [ -d "$new/member" ]; then echo prepared; elif [ -d "$new" ]; then echo placed; else echo absent; fi; }`;
}

export type DataStage = 'absent' | 'prepared' | 'placed';

/** How far the member's new data is: not there, made beside the old, or in its place. */
export async function dataStage(host: Host, pod: EtcdPod, operation: RestoreOperation, signal: AbortSignal): Promise<DataStage> {
  const { stdout } = await host.run(
    script`${dataPaths(pod, operation)}
stage_of_data`,
    { title: 'looking for restored data', signal },
  );
  const stage = stdout.trim();
  return stage === 'prepared' || stage === 'placed' ? stage : 'absent';
}

export function prepareTodo(snapshot: SnapshotFile): Todo {
  return { what: `make etcd's new data from the snapshot, beside the old`, bytes: snapshot.bytes };
}

/**
 * Makes a member's data from the snapshot beside the data that it has, while etcd runs on: only when all members are ready is anything
 * stopped. etcd's own tool does it, which compares the snapshot with its hash once more.
 */
export async function prepareData(
  host: Host,
  snapshot: SnapshotFile,
  operation: RestoreOperation,
  { pod, initialCluster }: RestoreTarget,
  context: StepContext,
): Promise<void> {
  const { signal, onLine, onBytes } = context;
  const paths = dataPaths(pod, operation);
  const { stdout } = await host.run(
    script`${paths}
mkdir -p -m 0700 "$(dirname "$new")" && rm -rf --one-file-system "$new.part" && mkdir -m 0700 "$new.part"
df --output=avail -B1 "$new.part" | tail -n 1
printf '%s\n' "$new.part"`,
    { title: 'making room for the snapshot', signal },
  );
  const [available = '', part = ''] = stdout.split('\n');
  // The snapshot and the data made from it, for a while both.
  const needed = snapshot.bytes * 2 + 100e6;
  if (Number(available) < needed) {
    await host.run(script`rm -rf --one-file-system ${part}`, { title: 'removing what was begun', signal });
    throw new HostError(
      'disk-full',
      `${posix.dirname(part)} has ${(Number(available) / 1e9).toFixed(1)} GB free, ${(needed / 1e9).toFixed(1)} GB are needed`,
      {
        host: host.name,
        hint: 'make room there, then run the same command again; nothing was stopped',
      },
    );
  }
  const entry = await entryOf(snapshot.path, 'snapshot.db', { uid: 0, gid: 0 });
  if (!entry) throw new SealosError('bad-snapshot', `${snapshot.path} is no longer a file`, { exitCode: 2 });
  await host.unpack(Readable.from(writeTar([entry]), { objectMode: false }), part, {
    title: 'sending the snapshot',
    compression: 'none',
    signal,
    onBytes,
  });
  await host.run(
    script`set -e
${paths}
${etcdTool('sealos-etcd-restore', pod.image, part)}
arguments=(snapshot restore "$new.part/snapshot.db" --data-dir "$new.part/data" --name ${pod.name} --initial-cluster ${initialCluster}
  --initial-cluster-token ${`sealos-${operation.id}`} --initial-advertise-peer-urls ${pod.peerUrls.join(',')})
# etcd 3.5 moved it to etcdutl, 3.6 took it away from etcdctl.
program=etcdctl
if help=$(etcd_tool etcdutl snapshot restore --help 2>/dev/null); then
  program=etcdutl
  # Revisions go on above those of before, so that whoever watched then does not take the next change for an old one.
  case $help in *--bump-revision*) arguments+=(--bump-revision 1000000000 --mark-compacted) ;; esac
fi
rm -rf --one-file-system "$new.part/data"
etcd_tool "$program" "\${arguments[@]}"
[ -d "$new.part/data/member" ]
sync
rm -f "$new.part/snapshot.db"
mv -T "$new.part/data" "$new"
rmdir "$new.part"`,
    { title: 'restoring the snapshot beside the old data', signal, onLine, timeout: 30 * 60_000 },
  );
}

/** The old data aside, the new into its place: two renames. */
export async function placeData(host: Host, operation: RestoreOperation, { pod }: RestoreTarget, { signal }: StepContext): Promise<void> {
  await host.run(
    script`set -e
${dataPaths(pod, operation)}
${findProcesses(pod)}
if [ "$(stage_of_data)" = prepared ]; then
  if [ -n "$(etcd_pids)" ]; then
    echo 'etcd runs again, though it was stopped' >&2
    exit 1
  fi
  mkdir -p -m 0700 "$data"
  if [ -e "$data/member" ]; then
    mkdir -p -m 0700 "$aside"
    mv -T "$data/member" "$aside/member"
  fi
  mv -T "$new/member" "$data/member"
  if command -v restorecon >/dev/null; then restorecon -R "$data" || true; fi
  sync
fi
[ "$(stage_of_data)" = placed ]`,
    { title: 'putting the restored data in place', signal, timeout: 60_000 },
  );
}

/** What all attempts at restores left, but for the data of before, which is the administrator's to remove. */
export async function forgetRestore(host: Host, { pod }: RestoreTarget, stage: string, signal: AbortSignal): Promise<void> {
  await host.run(
    script`data=${pod.dataDirectory}
for left in "$data".restored-* "$data"/restored-*; do
  if [ -d "$left" ]; then rm -rf --one-file-system "$left"; fi
done
rm -f ${`${stage}/etcd.yaml`}
rmdir ${stage} 2>/dev/null || true`,
    { title: 'tidying up after the restore', signal },
  );
}
