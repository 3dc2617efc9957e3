import type { KubeadmEffect } from '../changes/change.ts';
import type { Address } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { controlPlaneStep } from './control-plane-step.ts';
import { kubeletStep } from './kubelet-step.ts';

export interface ReconfigureInput {
  readonly layout: HostLayout;
  readonly seat: Address;
  /** Control planes that are part of the cluster. */
  readonly masters: readonly Address[];
  /** All hosts that are part of it. */
  readonly members: readonly Address[];
  readonly effects: ReadonlySet<KubeadmEffect>;
  /** Something of etcd's own changes. */
  readonly etcd: boolean;
  /** What `kubeadm init` would be given on a control plane, with every name that API servers' certificates have. */
  readonly config: (master: Address) => string;
  /** Tells one set of documents from another: what was done for it is not done again. */
  readonly fingerprint: string;
  readonly needs: readonly string[];
}

const kubectl = script`kubectl --kubeconfig /etc/kubernetes/admin.conf -n kube-system`;
const TIMEOUT = 5 * 60_000;

/** kubeadm's phases that carry changed documents into a cluster that stands; what needs no work has no step. */
export function reconfigureSteps(input: ReconfigureInput): readonly Step[] {
  const { seat, effects, layout, needs } = input;
  const file = `${layout.etc}/kubeadm-reconfigure.yaml`;
  const onSeat = (id: string, title: string, what: string, before: readonly string[], work: ReturnType<typeof script>): Step => ({
    id,
    title,
    hosts: [seat],
    needs: before,
    check: async () => ({ what }),
    async apply(host, { signal, onLine }) {
      await host.writeFiles([{ path: file, content: input.config(seat), mode: 0o600 }], {
        title: "writing kubeadm's configuration",
        signal,
      });
      // The file holds a token.
      await host.run(
        script`( trap ${`rm -f ${file}`} EXIT
${work} )`,
        { title, signal, onLine, timeout: TIMEOUT },
      );
    },
  });
  const steps: Step[] = [];
  const upload = 'kubeadm-config';
  const wanted = (['control-plane', 'kubelets', 'kube-proxy', 'dns', 'new-hosts', 'certificates'] as const).filter((effect) =>
    effects.has(effect),
  );
  if (wanted.length === 0) return [];
  steps.push(
    onSeat(
      upload,
      "storing kubeadm's configuration in the cluster",
      'kubeadm init phase upload-config',
      needs,
      script`kubeadm init phase upload-config all --config ${file}`,
    ),
  );
  if (effects.has('control-plane')) steps.push(controlPlaneStep({ ...input, needs: [upload] }));
  if (effects.has('kubelets'))
    steps.push(kubeletStep({ ...input, needs: [upload, ...(effects.has('control-plane') ? ['control-plane-config'] : [])] }));
  if (effects.has('kube-proxy')) {
    steps.push(
      onSeat(
        'kube-proxy-config',
        'configuring kube-proxy',
        'kubeadm init phase addon kube-proxy, and its pods anew',
        [upload],
        script`kubeadm init phase addon kube-proxy --config ${file} &&
${kubectl} rollout restart daemonset/kube-proxy && ${kubectl} rollout status daemonset/kube-proxy --timeout=4m`,
      ),
    );
  }
  if (effects.has('dns')) {
    steps.push(
      onSeat(
        'dns-config',
        "configuring the cluster's DNS",
        'kubeadm init phase addon coredns',
        [upload],
        script`kubeadm init phase addon coredns --config ${file}`,
      ),
    );
  }
  return steps;
}
