import { SealosError } from '@sealos/image';
import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { isPartDone, type UpgradeTarget } from './progress.ts';

export interface CordonInput {
  readonly layout: HostLayout;
  /** The control plane that asks for it. */
  readonly seat: Address;
  readonly address: Address;
  /** Name of the host's Kubernetes node. */
  readonly node: string;
  readonly needs: readonly string[];
  readonly target: UpgradeTarget;
  /** Does not wait longer than a minute for pods that do not leave, and takes pods away that nothing makes anew. */
  readonly force: boolean;
  readonly hostOf: (address: Address) => Host;
}

/** On a node that was taken out of scheduling for an upgrade, and by us: it is given back, however often the work is cut off. */
const CORDONED = 'sealos.io/cordoned-for-upgrade';
const KUBECTL = script`kubectl --kubeconfig /etc/kubernetes/admin.conf`;
/** Seconds that a node's pods have to leave. */
const DRAIN_SECONDS = 300;
const FORCED_SECONDS = 60;

const pathOf = (annotation: string) => `jsonpath={.metadata.annotations.${annotation.replaceAll('.', '\\.')}}`;

/** What `kubectl drain` says of pods that do not leave: evictions that are refused, pods that do not end, pods that it does not touch. */
const COMPLAINTS: readonly RegExp[] = [
  /error when evicting pods?\/? ?"(?<pod>[^"]+)"(?: -n "(?<namespace>[^"]+)")?.*?: (?<why>.+)$/,
  /error when waiting for pod "(?<pod>[^"]+)"(?: in namespace "(?<namespace>[^"]+)" to terminate| terminating): (?<why>.+)$/,
  /cannot delete (?<why>[^:]+?) \(use --[a-z-]+ to override\): (?<pods>.+)$/,
];

/** The pods that do not leave a node, each with the reason, out of what `kubectl drain` says. */
export function blockingPods(output: string): readonly string[] {
  const found = new Map<string, string>();
  for (const line of output.split('\n')) {
    const gone = /^pod\/(\S+) evicted$/.exec(line)?.[1];
    for (const name of found.keys()) if (gone !== undefined && name.replace(/^.*\//, '') === gone) found.delete(name);
    for (const complaint of COMPLAINTS) {
      const { pod, namespace, pods, why = '' } = complaint.exec(line)?.groups ?? {};
      const names = pods?.split(', ') ?? (pod === undefined ? [] : [namespace === undefined ? pod : `${namespace}/${pod}`]);
      // The first reason is the telling one: the last is that the time is up.
      for (const name of names) if (!found.has(name)) found.set(name, why.replace(/\.$/, ''));
      if (names.length > 0) break;
    }
  }
  return [...found].map(([pod, why]) => `${pod} (${why})`);
}

/** Takes a node out of scheduling and moves its pods away, as disruption budgets allow; DaemonSets' pods stay. */
export function drainForUpgradeStep(input: CordonInput): Step {
  const { layout, node, target, force } = input;
  const seconds = force ? FORCED_SECONDS : DRAIN_SECONDS;
  return {
    id: `drain ${input.address.ip}`,
    title: `draining ${node}`,
    hosts: [input.seat],
    needs: input.needs,
    async check(_host, { signal }) {
      const done = await isPartDone(input.hostOf(input.address), layout, target, 'node', signal);
      return done ? 'done' : { what: `cordon ${node} and move its pods away` };
    },
    async apply(host, { signal, onLine }) {
      // Who took the node out is written down first: one that an administrator took out stays so.
      const drain = script`for try in $(seq 1 60); do
  if cordoned=$(${KUBECTL} get node ${node} -o ${'jsonpath={.spec.unschedulable}'} 2>&1); then break; fi
  if [ "$try" = 60 ]; then printf '%s\n' "$cordoned" >&2; exit 1; fi
  sleep 1
done
if [ "$cordoned" != true ]; then ${KUBECTL} annotate node ${node} --overwrite ${`${CORDONED}=${target.to}`} >/dev/null || exit; fi
# kubectl before 1.20 calls it otherwise.
emptied=--delete-emptydir-data
if ! kubectl drain --help | grep -q -e "$emptied"; then emptied=--delete-local-data; fi
${KUBECTL} drain ${node} --ignore-daemonsets "$emptied" ${force ? ['--force'] : []} --timeout=${`${seconds}s`} 2>&1`;
      const { exitCode, stdout } = await host.run(drain, {
        title: `draining ${node}`,
        signal,
        onLine,
        allowFailure: true,
        timeout: (seconds + 120) * 1000,
      });
      if (exitCode === 0) return;
      const blocking = blockingPods(stdout);
      const why =
        blocking.length > 0 ? `these pods do not leave it: ${blocking.join(', ')}` : stdout.trim().split('\n').slice(-5).join('\n');
      if (force) {
        onLine(`${node} is not empty, and the upgrade goes on: ${why}`);
        return;
      }
      throw new SealosError('drain-blocked', `${node} cannot be drained: ${why}`, {
        hint: 'make room for them (more replicas, another node, a looser disruption budget) and run it again; --force goes on after a minute, whatever runs there',
      });
    },
  };
}

/** Gives a node back to scheduling that was taken out for an upgrade. One that was out before stays out. */
export function uncordonStep(input: CordonInput): Step {
  const { node } = input;
  return {
    id: `uncordon ${input.address.ip}`,
    title: `giving ${node} back to scheduling`,
    hosts: [input.seat],
    needs: input.needs,
    async check(host, { signal }) {
      const { stdout } = await host.run(
        script`for try in $(seq 1 60); do
  if mark=$(${KUBECTL} get node ${node} -o ${pathOf(CORDONED)} 2>&1); then printf '%s' "$mark"; exit 0; fi
  sleep 1
done
printf '%s\n' "$mark" >&2
exit 1`,
        { title: `looking whether ${node} is out of scheduling`, signal, timeout: 180_000 },
      );
      return stdout.trim() === '' ? 'done' : { what: `uncordon ${node}` };
    },
    async apply(host, { signal, onLine }) {
      await host.run(
        script`for try in $(seq 1 60); do
  if output=$(${KUBECTL} uncordon ${node} 2>&1 && ${KUBECTL} annotate node ${node} ${`${CORDONED}-`} 2>&1); then exit 0; fi
  sleep 1
done
printf '%s\n' "$output" >&2
exit 1`,
        { title: `giving ${node} back to scheduling`, signal, onLine, timeout: 180_000 },
      );
    },
  };
}
