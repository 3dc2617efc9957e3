import type { Address, Host, HostFile } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { resetKubeadm } from './kubeadm-reset.ts';
import { finishing, inputHash } from './marker.ts';
import { INIT_MARKER, isPartOfCluster } from './membership.ts';
import { clearPartialMaster } from './partial-master.ts';

export interface CertificatesInput {
  readonly layout: HostLayout;
  /** The control plane that the others join. */
  readonly seat: Address;
  readonly hostOf: (address: Address) => Host;
  readonly masters: readonly Address[];
  readonly needs: readonly string[];
  /** Certificates and kubeconfigs of one control plane: what kubeadm finds ready made. */
  readonly certificates: (master: Address) => readonly HostFile[];
}

export interface KubeadmInitInput {
  readonly layout: HostLayout;
  /** Where the cluster begins. */
  readonly seat: Address;
  readonly needs: readonly string[];
  /** The whole input of `kubeadm init --config`: a secret, it holds the first join token. */
  readonly config: string;
  /** `--skip-phases=…`, for versions whose documents cannot say it. */
  readonly skipPhaseFlags: readonly string[];
  readonly ignorePreflightErrors: readonly string[];
  readonly timeout: number | undefined;
}

/** The certificates, made on the operator, on the control planes that kubeadm has not started yet. */
export function certificatesStep(input: CertificatesInput): Step {
  return {
    id: 'certificates',
    title: 'placing the certificates',
    hosts: input.masters,
    needs: input.needs,
    async check(host, { signal }) {
      if (await isPartOfCluster(host, input.layout, signal)) return 'done';
      return { what: `write ${input.certificates(host.address).length} certificates, keys and kubeconfigs` };
    },
    async apply(host, context) {
      const { signal } = context;
      await clearPartialMaster(host, input.hostOf(input.seat), input.layout, context);
      await host.writeFiles(input.certificates(host.address), { title: 'writing the certificates', signal });
      await host.run(
        script`if [ -f ${`${input.layout.rootfs}/statics/audit-policy.yml`} ]; then install -D -m 0600 ${`${input.layout.rootfs}/statics/audit-policy.yml`} /etc/kubernetes/audit-policy.yml; fi`,
        { title: 'placing the audit policy', signal },
      );
    },
  };
}

/** `kubeadm init` on the first control plane. */
export function kubeadmInitStep(input: KubeadmInitInput): Step {
  const config = `${input.layout.etc}/kubeadm-init.yaml`;
  return {
    id: INIT_MARKER,
    title: 'starting the first control plane',
    hosts: [input.seat],
    needs: input.needs,
    async check(host, { signal }) {
      // Whatever it was made with: a control plane that lives is changed by an upgrade, never by a second init.
      return (await isPartOfCluster(host, input.layout, signal)) ? 'done' : { what: 'kubeadm init' };
    },
    async apply(host, context) {
      const { signal, onLine } = context;
      await host.writeFiles([{ path: config, content: input.config, mode: 0o600 }], { title: "writing kubeadm's configuration", signal });
      const ignore = [`--ignore-preflight-errors=${['SystemVerification', ...input.ignorePreflightErrors].join(',')}`];
      await host.run(
        finishing(
          script`kubeadm init --config ${config} --skip-certificate-key-print --skip-token-print ${input.skipPhaseFlags} ${ignore}`,
          input.layout,
          INIT_MARKER,
          inputHash(input.seat.ip),
        ),
        { title: 'kubeadm init', signal, onLine, timeout: input.timeout },
      );
    },
    undo: resetKubeadm,
  };
}
