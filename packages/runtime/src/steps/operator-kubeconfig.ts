import type { Address, Host } from '../host/host.ts';
import type { Step } from '../step.ts';

export interface OperatorKubeconfigInput {
  /** A control plane, and the administrator's kubeconfig there. */
  readonly seat: Address;
  readonly source: string;
  /** `HOST:PORT` by which everything else calls the API; on the control plane the kubeconfig names its loopback. */
  readonly api: string;
  readonly needs: readonly string[];
  readonly read: () => Promise<string | undefined>;
  readonly write: (text: string) => Promise<void>;
}

/** The kubeconfig that k3s made, on the operator too. */
export function operatorKubeconfigStep(input: OperatorKubeconfigInput): Step {
  const wanted = async (host: Host, signal: AbortSignal) => {
    const content = await host.readFile(input.source, { signal });
    return content === undefined ? undefined : kubeconfigFor(Buffer.from(content).toString(), input.api);
  };
  return {
    id: 'operator-kubeconfig',
    title: "keeping the administrator's kubeconfig",
    hosts: [input.seat],
    needs: input.needs,
    async check(host, { signal }) {
      const there = await wanted(host, signal);
      return there !== undefined && there === (await input.read()) ? 'done' : { what: `copy ${input.source} to this machine` };
    },
    async apply(host, { signal }) {
      const text = await wanted(host, signal);
      if (text === undefined) throw new Error(`${host.name} has no ${input.source}`);
      await input.write(text);
    },
  };
}

/** A kubeconfig of k3s with the API's own address in the place of the loopback. */
export function kubeconfigFor(text: string, api: string): string {
  return text.replace(/^(\s*server: )https:\/\/(?:127\.0\.0\.1|0\.0\.0\.0|\[::1?\]):\d+\s*$/m, `$1https://${api}`);
}
