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

/** `~/.kube/config` of root on a control plane; a file that was there and is not ours is kept beside it. */
export function kubeconfigStep(input: {
  readonly layout: HostLayout;
  readonly masters: readonly Address[];
  readonly needs: readonly string[];
}): Step {
  return {
    id: 'kubeconfig',
    title: 'giving root a kubeconfig',
    hosts: input.masters,
    needs: input.needs,
    async check(host, { signal }) {
      const { exitCode } = await host.run(script`cmp -s /etc/kubernetes/admin.conf "$HOME/.kube/config"`, {
        title: 'comparing the kubeconfig',
        signal,
        allowFailure: true,
      });
      return exitCode === 0 ? 'done' : { what: 'copy admin.conf to ~/.kube/config' };
    },
    async apply(host, { signal }) {
      await host.run(
        // One of this cluster, from before a renewal, is replaced: kept beside, it would take the place of the user's own.
        script`mkdir -p -m 0700 "$HOME/.kube"
authority() { grep -o 'certificate-authority-data: .*' "$1"; }
if [ -e "$HOME/.kube/config" ] && [ "$(authority "$HOME/.kube/config")" != "$(authority /etc/kubernetes/admin.conf)" ]; then
  mv -f "$HOME/.kube/config" "$HOME/.kube/config.before-sealos"
fi
install -m 0600 /etc/kubernetes/admin.conf "$HOME/.kube/.config.sealos-new"
mv -f "$HOME/.kube/.config.sealos-new" "$HOME/.kube/config"`,
        { title: 'copying the kubeconfig', signal },
      );
    },
    async undo(host, { signal }) {
      await host.run(
        script`rm -f "$HOME/.kube/config" "$HOME/.kube/.config.sealos-new"
if [ -e "$HOME/.kube/config.before-sealos" ]; then mv -f "$HOME/.kube/config.before-sealos" "$HOME/.kube/config"; fi
rm -rf "$HOME/.kube/cache" && rmdir "$HOME/.kube" 2>/dev/null || true`,
        { title: 'removing the kubeconfig', signal },
      );
    },
  };
}
