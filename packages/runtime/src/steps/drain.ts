import type { Address } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { Step } from '../step.ts';

export interface DrainInput {
  readonly id: string;
  /** The control plane that asks for it. */
  readonly seat: Address;
  readonly node: string;
  /** The administrator's kubeconfig on it. */
  readonly kubeconfig: string;
  readonly needs: readonly string[];
  /** Goes on after the time is up, whatever still runs there. */
  readonly force: boolean;
}

/** Seconds that a node's pods have to leave. */
const DRAIN_SECONDS = 300;

/**
 * Takes a node out of scheduling and moves its pods away, as disruption budgets allow; DaemonSets' pods stay. Done where the cluster
 * knows no such node.
 */
export function drainStep({ id, seat, node, kubeconfig, needs, force }: DrainInput): Step {
  const kubectl = script`kubectl --kubeconfig ${kubeconfig}`;
  return {
    id,
    title: `draining ${node}`,
    hosts: [seat],
    needs,
    async check(host, { signal }) {
      const { stdout } = await host.run(script`${kubectl} get node ${node} --ignore-not-found -o name`, {
        title: `looking for node ${node}`,
        signal,
        timeout: 60_000,
      });
      return stdout.trim() === '' ? 'done' : { what: `cordon ${node} and move its pods away` };
    },
    async apply(host, { signal, onLine }) {
      // kubectl before 1.20 calls the second flag otherwise.
      const drain = script`emptied=--delete-emptydir-data
if ! kubectl drain --help | grep -q -e "$emptied"; then emptied=--delete-local-data; fi
${kubectl} drain ${node} --ignore-daemonsets "$emptied" --force --timeout=${`${force ? 60 : DRAIN_SECONDS}s`}`;
      await host.run(force ? script`( ${drain} ) || true` : drain, {
        title: `draining ${node}; pods that do not leave are named above, --force goes on without waiting for them`,
        signal,
        onLine,
        timeout: (DRAIN_SECONDS + 60) * 1000,
      });
    },
  };
}
