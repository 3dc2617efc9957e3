import type { HostFile } from '../host/host.ts';
import { raw, script } from '../host/script.ts';
import { etcdTool } from './etcd-tool.ts';
import { s3Key } from './s3-objects.ts';
import type { S3Target } from './s3-target.ts';
import type { EtcdSchedule } from './schedule.ts';

export const UNIT = 'sealos-etcd-backup';
export const BACKUP_DIRECTORY = '/var/lib/sealos/etcd-backups';

/** Not below /var, where SELinux lets systemd start nothing. */
const PROGRAM = `/usr/local/sbin/${UNIT}`;
const units = '/etc/systemd/system';
/** What curl reads its secrets from: they are in no argument list. */
const CURL_CONFIG = `/etc/${UNIT}.curl`;

export const scheduleFilePaths = [PROGRAM, CURL_CONFIG, `${units}/${UNIT}.service`, `${units}/${UNIT}.timer`] as const;

/** The files that make a control-plane host save etcd by itself: a program, a systemd service and its timer, and the storage's secrets. */
export function scheduleFiles(cluster: string, schedule: EtcdSchedule): readonly HostFile[] {
  const { s3 } = schedule;
  return [
    { path: PROGRAM, content: program(cluster, schedule), mode: 0o700 },
    { path: `${units}/${UNIT}.service`, content: service, mode: 0o644 },
    { path: `${units}/${UNIT}.timer`, content: timer(schedule.calendar), mode: 0o644 },
    ...(s3 === undefined ? [] : [{ path: CURL_CONFIG, content: curlConfig(s3), mode: 0o600 }]),
  ];
}

const service = `[Unit]
Description=Backup of etcd (sealos etcd schedule)
After=containerd.service network-online.target
ConditionPathExists=/etc/kubernetes/manifests/etcd.yaml
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=${PROGRAM}
TimeoutStartSec=1h
Nice=10
IOSchedulingClass=idle
`;

function timer(calendar: string): string {
  return `[Unit]
Description=Backups of etcd (sealos etcd schedule)

[Timer]
OnCalendar=${calendar}
AccuracySec=1s
# One that was missed while the host was off is made up for.
Persistent=true

[Install]
WantedBy=timers.target
`;
}

function curlConfig({ credentials, region }: S3Target): string {
  const quoted = (text: string) => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return [
    `aws-sigv4 = ${quoted(`aws:amz:${region}:s3`)}`,
    `user = ${quoted(`${accessKeyId}:${secretAccessKey}`)}`,
    ...(sessionToken === undefined ? [] : [`header = ${quoted(`x-amz-security-token: ${sessionToken}`)}`]),
    '',
  ].join('\n');
}

/**
 * Only the leader's host takes one: a cluster of three makes one backup at a time, not three. It appears under its name when it is whole;
 * what must not happen twice at once is under a lock.
 */
function program(cluster: string, { keep, s3 }: EtcdSchedule): string {
  const login = script`--endpoints=https://127.0.0.1:2379 --cacert=/etc/kubernetes/pki/etcd/ca.crt
  --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt --key=/etc/kubernetes/pki/etcd/healthcheck-client.key`;
  const body = script`set -euo pipefail
umask 077
export PATH="\${PATH:+$PATH:}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
directory=${BACKUP_DIRECTORY} keep=${keep}
manifest=/etc/kubernetes/manifests/etcd.yaml
mkdir -p "$directory"
chmod 0700 "$directory"
exec 9> "$directory/.lock"
if ! flock -n 9; then echo 'the backup before this one is still at work'; exit 0; fi
# An upgrade changes it: it is read each time.
image=$(sed -n 's/^ *image: *//p' "$manifest" | head -n 1 | tr -d "\\"'")
${etcdTool(UNIT, raw('"$image"'), BACKUP_DIRECTORY)}
login=(${login})

status=$(etcd_tool etcdctl "\${login[@]}" endpoint status -w fields)
field() { sed -n "s/^\\"$1\\" : //p" <<< "$status" | head -n 1; }
if [ "$(field MemberID)" != "$(field Leader)" ]; then echo "another member leads, and its host takes the backup"; exit 0; fi

time=$(date -u +%Y%m%dT%H%M%SZ)
rm -f "$directory"/.new*
etcd_tool etcdctl "\${login[@]}" snapshot save "$directory/.new.db" >/dev/null
size=$(stat -c %s "$directory/.new.db")
said=$(tail -c 32 "$directory/.new.db" | od -An -v -tx1 | tr -d ' \\n')
found=$(head -c "$((size - 32))" "$directory/.new.db" | sha256sum | cut -d ' ' -f 1)
if [ "$said" != "$found" ]; then
  rm -f "$directory/.new.db"
  echo 'the snapshot is not what the hash at its end says' >&2
  exit 1
fi
sync "$directory/.new.db"
file=$directory/etcd-$time.db
mv -f "$directory/.new.db" "$file"
echo "saved $size bytes to $file"
ls -1 "$directory" | grep -E '^etcd-[0-9]{8}T[0-9]{6}Z\\.db$' | sort | head -n "-$keep" |
  while read -r name; do rm -f -- "$directory/$name"; echo "removed $name"; done
${s3 === undefined ? raw('') : upload(cluster, s3)}`;
  return `#!/bin/bash
# Saves etcd. Written by \`sealos etcd schedule\`, which overwrites it; \`sealos etcd schedule --off\` removes it.
${body.text.trimEnd()}
`;
}

function upload(cluster: string, s3: S3Target) {
  const url = `${s3.url}/${s3Key(s3, `etcd-${cluster}-`).split('/').map(encodeURIComponent).join('/')}`;
  return script`url=${url}$time.db
# Signed too: what is damaged on the way is refused.
sha256=$(sha256sum < "$file" | cut -d ' ' -f 1)
curl --config ${CURL_CONFIG} --silent --show-error --fail-with-body --retry 4 --connect-timeout 10 --speed-time 60 --speed-limit 1000 \\
  --header "x-amz-content-sha256: $sha256" --upload-file "$file" "$url"
echo "uploaded to $url"`;
}
