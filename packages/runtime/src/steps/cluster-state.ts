import type { Address } from '../host/host.ts';
import { script, secret } from '../host/script.ts';
import type { Step } from '../step.ts';
import { inputHash } from './marker.ts';

/** What another operator needs to go on with a cluster, besides its hosts' own files. */
export interface ClusterStateCopy {
  /** The Clusterfile, without secrets. */
  readonly clusterfile: string;
  /** Names and contents of the state's secret files. */
  readonly secrets: Readonly<Record<string, string>>;
}

export const STATE_SECRET = 'sealos-clusterfile';
export const CLUSTERFILE_KEY = 'Clusterfile';
const HASH = 'sealos.io/state-hash';

/** The operator's state as a Secret in the cluster, so that a lost operator can be replaced (`sealos adopt`). */
export function clusterStateStep(input: {
  readonly seat: Address;
  /** The administrator's on it. */
  readonly kubeconfig: string;
  readonly needs: readonly string[];
  readonly copy: () => Promise<ClusterStateCopy>;
}): Step {
  const kubectl = script`kubectl --kubeconfig ${input.kubeconfig} -n kube-system`;
  return {
    id: 'cluster-state',
    title: 'keeping a copy of the state in the cluster',
    hosts: [input.seat],
    needs: input.needs,
    async check(host, { signal }) {
      const path = `{.metadata.annotations.${HASH.replaceAll('.', '\\.')}}`;
      const { stdout } = await host.run(
        script`${kubectl} get secret ${STATE_SECRET} --ignore-not-found -o ${`jsonpath=${path}`} 2>/dev/null`,
        { title: 'reading the state in the cluster', signal, allowFailure: true, timeout: 60_000 },
      );
      return stdout.trim() === hashOf(await input.copy()) ? 'done' : { what: 'write the cluster file and its secrets to a Secret' };
    },
    async apply(host, { signal }) {
      const copy = await input.copy();
      const manifest = JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: STATE_SECRET, namespace: 'kube-system', annotations: { [HASH]: hashOf(copy) } },
        type: 'Opaque',
        stringData: { ...copy.secrets, [CLUSTERFILE_KEY]: copy.clusterfile },
      });
      // Not `apply`, which would keep a second copy of it all in an annotation.
      const write = script`( manifest=$(mktemp) && trap 'rm -f "$manifest"' EXIT
printf %s ${secret(manifest)} > "$manifest"
${kubectl} create -f "$manifest" >/dev/null 2>&1 || ${kubectl} replace -f "$manifest" >/dev/null )`;
      await host.run(write, { title: 'writing the state to the cluster', signal, timeout: 60_000 });
    },
  };
}

const hashOf = ({ clusterfile, secrets }: ClusterStateCopy) => inputHash(clusterfile, secrets);
