import { setTimeout as pause } from 'node:timers/promises';
import { SealosError } from '@sealos/image';
import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { StepContext } from '../step.ts';
import { openEtcd } from './client.ts';
import { type EtcdPod, RESTORE_STAGE, STATIC_PODS } from './etcd-pod.ts';
import type { EtcdIdentity } from './identity.ts';

/** What is stopped while the data is exchanged: etcd, and everything that remembers what it said. */
const API = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler'] as const;
const ALL = ['etcd', ...API] as const;
/** Seconds until what the kubelet does not end is ended without it. */
const KUBELET_TIME = 60;
const START_TIMEOUT = 5 * 60_000;

/** Bash: `etcd_pids` prints those of etcd on this data directory, `api_pids` those of what speaks with it. */
export function findProcesses({ dataDirectory }: EtcdPod): Script {
  return script`pids_of() {
  local directory words
  for directory in /proc/[0-9]*; do
    mapfile -d '' -t words 2>/dev/null < "$directory/cmdline" || continue
    case " $* " in *" \${words[0]##*/} "*) ;; *) continue ;; esac
    if [ "\${words[0]##*/}" = etcd ]; then
      case " \${words[*]} " in *" --data-dir="${dataDirectory}" "*) ;; *) continue ;; esac
    fi
    echo "\${directory##*/}"
  done
}
etcd_pids() { pids_of etcd; }
api_pids() { pids_of ${API}; }`;
}

/** Whether none of the control plane's manifests is in the kubelet's directory and none of its programs runs. */
export async function isStopped(host: Host, pod: EtcdPod, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await host.run(
    script`${findProcesses(pod)}
for name in ${ALL}; do if [ -e ${STATIC_PODS}/"$name.yaml" ]; then echo "$name"; fi; done
etcd_pids
api_pids`,
    { title: 'looking whether the control plane runs', signal },
  );
  return stdout.trim() === '';
}

/**
 * Takes the manifests away and waits until the programs are gone. The kubelet ends them, or, where it does not run, this. Once it has
 * ended etcd, API servers are not waited for: they would go on for half a minute for the sake of watches that end in any case.
 */
export async function stopControlPlane(host: Host, pod: EtcdPod, { signal, onLine }: StepContext): Promise<void> {
  await host.run(
    script`set -e
${findProcesses(pod)}
mkdir -p -m 0700 ${RESTORE_STAGE}
for name in ${ALL}; do
  if [ -e ${STATIC_PODS}/"$name.yaml" ]; then mv -f ${STATIC_PODS}/"$name.yaml" ${RESTORE_STAGE}/; fi
done
# wait_gone SECONDS FUNCTION: gone twice in a row, so that nothing is on its way back.
wait_gone() {
  local i gone=0
  for ((i = 0; i < 2 * $1; i++)); do
    if [ -n "$($2)" ]; then gone=0; else gone=$((gone + 1)); fi
    if [ "$gone" -ge 2 ]; then return 0; fi
    sleep 0.5
  done
  return 1
}
end() {
  local name
  for name in TERM KILL; do
    for pid in $("$1"); do kill -s "$name" "$pid" 2>/dev/null || true; done
    if wait_gone 15 "$1"; then return 0; fi
  done
  return 1
}
if systemctl is-active --quiet kubelet && wait_gone ${KUBELET_TIME} etcd_pids; then
  wait_gone 3 api_pids || for pid in $(api_pids); do kill -s KILL "$pid" 2>/dev/null || true; done
fi
if end etcd_pids && end api_pids; then exit 0; fi
echo 'these still run:' >&2
for pid in $(etcd_pids; api_pids); do tr '\\0' ' ' < /proc/"$pid"/cmdline | cut -c -100 >&2; done
exit 1`,
    { title: 'stopping the control plane', signal, onLine, timeout: START_TIMEOUT },
  );
}

function startScript(names: readonly string[]): Script {
  return script`set -e
mkdir -p ${STATIC_PODS}
for name in ${names}; do
  if [ -e ${RESTORE_STAGE}/"$name.yaml" ]; then mv -f ${RESTORE_STAGE}/"$name.yaml" ${STATIC_PODS}/; fi
done
systemctl is-active --quiet kubelet || systemctl start kubelet`;
}

async function isBack(host: Host, names: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { stdout } = await host.run(script`for name in ${names}; do if [ -e ${RESTORE_STAGE}/"$name.yaml" ]; then echo "$name"; fi; done`, {
    title: 'looking which manifests are put away',
    signal,
  });
  return stdout.trim() === '';
}

export const isEtcdBack = (host: Host, signal: AbortSignal) => isBack(host, ['etcd'], signal);
export const isApiBack = (host: Host, signal: AbortSignal) => isBack(host, API, signal);

export async function startEtcd(host: Host, { signal }: StepContext): Promise<void> {
  await host.run(startScript(['etcd']), { title: 'starting etcd', signal, timeout: 60_000 });
}

export async function startApi(host: Host, { signal }: StepContext): Promise<void> {
  await host.run(startScript(API), { title: 'starting the API server', signal, timeout: 60_000 });
}

/** Whether the host's member reads through the quorum. */
export async function etcdServes(host: Host, identity: EtcdIdentity, signal: AbortSignal): Promise<boolean> {
  try {
    using client = await openEtcd(host, identity, signal);
    await client.read(signal);
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof SealosError) return false;
    throw error;
  }
}

/** Waits until the host's member reads through the quorum. Throws after five minutes. */
export async function waitForEtcd(host: Host, identity: EtcdIdentity, signal: AbortSignal): Promise<void> {
  const end = performance.now() + START_TIMEOUT;
  while (!(await etcdServes(host, identity, signal))) {
    if (performance.now() > end) {
      throw new SealosError('etcd-not-up', `${host.name}: etcd does not answer ${START_TIMEOUT / 60_000} minutes after it was started`, {
        hint: `see \`crictl ps -a\` and /var/log/pods/kube-system_etcd-* there, then run the same command again`,
      });
    }
    await pause(1000, undefined, { signal });
  }
}

const readyz = script`kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=5s get --raw /readyz >/dev/null 2>&1`;

export async function apiServes(host: Host, signal: AbortSignal): Promise<boolean> {
  const { exitCode } = await host.run(readyz, { title: 'asking the API server', signal, allowFailure: true, timeout: 30_000 });
  return exitCode === 0;
}

export async function waitForApi(host: Host, { signal }: StepContext): Promise<void> {
  await host.run(
    script`end=$((SECONDS + 300))
while ((SECONDS < end)); do
  if ${readyz}; then exit 0; fi
  sleep 1
done
echo 'the API server is not ready 5 minutes after it was started' >&2
exit 1`,
    { title: 'waiting for the API server', signal, timeout: START_TIMEOUT + 60_000 },
  );
}

/**
 * Restarts what may have seen newer revisions than those that now come, and would take every change for one that it knows: the kubelet
 * and the cluster's own pods (kube-proxy, the pod network), whose containers the kubelet starts again. The control plane is new already.
 */
export async function restartWatchers(host: Host, { signal, onLine }: StepContext): Promise<void> {
  await host.run(
    script`systemctl restart kubelet || exit
if command -v crictl >/dev/null; then
  for id in $(crictl ps -q); do
    labels=$(crictl inspect "$id" 2>/dev/null) || continue
    case $labels in *'"io.kubernetes.pod.namespace": "kube-system"'*) ;; *) continue ;; esac
    case $(sed -n 's/.*"io.kubernetes.container.name": "\\(.*\\)".*/\\1/p' <<< "$labels" | head -n 1) in
      etcd | kube-apiserver | kube-controller-manager | kube-scheduler | kube-sealos-lvscare) continue ;;
    esac
    crictl stop "$id" >/dev/null || true
  done
fi`,
    { title: 'restarting what watches the API', signal, onLine, timeout: 10 * 60_000 },
  );
}
