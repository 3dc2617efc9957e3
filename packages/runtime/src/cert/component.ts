import { SealosError } from '@sealos/image';
import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import { httpOverHost } from '../status/http-over-host.ts';
import type { StepContext } from '../step.ts';
import { eventually } from './eventually.ts';

/** A program of the control plane that the kubelet runs from kubeadm's manifests. */
export interface Component {
  readonly name: string;
  /** The argument by which it is known: other clusters' programs on the same machine have another. */
  readonly argument: string;
  /** Port on the loopback where `/healthz` answers over TLS; undefined: it is asked in another way. */
  readonly port?: number;
}

export const controllerManager: Component = {
  name: 'kube-controller-manager',
  argument: '--kubeconfig=/etc/kubernetes/controller-manager.conf',
  port: 10257,
};
export const scheduler: Component = { name: 'kube-scheduler', argument: '--kubeconfig=/etc/kubernetes/scheduler.conf', port: 10259 };
export const apiServer: Component = { name: 'kube-apiserver', argument: '--tls-cert-file=/etc/kubernetes/pki/apiserver.crt' };
export const etcd: Component = { name: 'etcd', argument: '--cert-file=/etc/kubernetes/pki/etcd/server.crt' };

/** The kubelet waits five minutes at most before it starts what ended too often. */
const START_TIMEOUT = 6 * 60_000;

/** Bash: `running` prints the pids of a component. */
function findRunning({ name, argument }: Component): Script {
  return script`running() {
  local directory words
  for directory in /proc/[0-9]*; do
    mapfile -d '' -t words 2>/dev/null < "$directory/cmdline" || continue
    [ "\${words[0]##*/}" = ${name} ] || continue
    case " \${words[*]} " in *" "${argument}" "*) echo "\${directory##*/}" ;; esac
  done
}`;
}

/** Whether a component runs, and was started after the last change of each of these files; `absent`: it does not run here. */
export async function componentAge(
  host: Host,
  component: Component,
  files: readonly string[],
  signal: AbortSignal,
): Promise<'newer' | 'older' | 'absent'> {
  const { stdout } = await host.run(
    script`${findRunning(component)}
pid=$(running | head -n 1)
[ -n "$pid" ] || { echo absent; exit; }
# proc(5): the 22nd field is the start in clock ticks after the boot; a name may hold blanks and brackets.
started=$(sed 's/.*) //' "/proc/$pid/stat" | cut -d' ' -f20)
changed=$(stat -c %.Z ${files} 2>/dev/null | sort -n | tail -n 1)
awk -v ticks="$started" -v hz="$(getconf CLK_TCK)" -v now="$(date +%s.%N)" -v changed="\${changed:-0}" '
  { started = now - $1 + ticks / hz; print (started > changed + 0.05 ? "newer" : "older") }' /proc/uptime`,
    { title: `looking since when ${component.name} runs`, signal },
  );
  const answer = stdout.trim();
  return answer === 'newer' || answer === 'older' ? answer : 'absent';
}

/** Ends a component; the kubelet starts it again from the same manifest. Returns when the new one runs and, where it can be asked so, is well. */
export async function restartComponent(host: Host, component: Component, { signal, onLine }: StepContext): Promise<void> {
  const { name, port } = component;
  await host.run(
    script`${findRunning(component)}
old=$(running)
ended() { local pid; for pid in $old; do if running | grep -qx "$pid"; then return 1; fi; done; }
for pid in $old; do kill -TERM "$pid" 2>/dev/null || true; done
for ((i = 0; i < 120; i++)); do ended && break; sleep 0.5; done
ended || for pid in $old; do kill -KILL "$pid" 2>/dev/null || true; done
end=$((SECONDS + ${START_TIMEOUT / 1000}))
while ((SECONDS < end)); do
  if ended && [ -n "$(running)" ]; then exit 0; fi
  sleep 0.5
done
echo ${`the kubelet did not start ${name} again`} >&2
exit 1`,
    { title: `restarting ${name}`, signal, onLine, timeout: START_TIMEOUT + 120_000 },
  );
  if (port === undefined) return;
  if (await eventually(START_TIMEOUT, signal, () => isHealthy(host, port, '/healthz', signal))) return;
  throw new SealosError('not-healthy', `${host.name}: ${name} runs again, but is not well`, {
    hint: `see /var/log/pods/kube-system_${name}-* there, then run the same command again`,
  });
}

/** Whether a server on the host's loopback says that it is well. One that asks strangers who they are is up all the same. */
export async function isHealthy(host: Host, port: number, path: string, signal: AbortSignal): Promise<boolean> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
  try {
    const { status } = await httpOverHost(host, { ip: '127.0.0.1', port, path, secure: true, signal: stop });
    return status === 200 || status === 401 || status === 403;
  } catch {
    signal.throwIfAborted();
    return false;
  }
}
