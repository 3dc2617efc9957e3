import type { Address, Host, HostFile } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step, StepContext } from '../step.ts';
import { finishing, inputHash, readMarker } from './marker.ts';

export interface KubeadmInitInput {
  readonly layout: HostLayout;
  readonly master0: Address;
  readonly needs: readonly string[];
  /** Certificates, kubeconfigs and the audit policy's target: what kubeadm finds ready made. */
  readonly certificates: readonly HostFile[];
  /** The whole input of `kubeadm init --config`: a secret, it holds the first join token. */
  readonly config: string;
  /** `--skip-phases=…`, for versions whose documents cannot say it. */
  readonly skipPhaseFlags: readonly string[];
  readonly ignorePreflightErrors: readonly string[];
  readonly timeout: number | undefined;
}

export const INIT_MARKER = 'kubeadm-init';

/**
 * Takes back what an interrupted kubeadm left behind: it does not run over its own remains. Only called while the marker says that
 * this host never finished, so a living control plane is never touched.
 */
export function resetPartialKubeadm(): Script {
  return script`if ls /etc/kubernetes/manifests/*.yaml >/dev/null 2>&1 || [ -e /var/lib/kubelet/config.yaml ] || [ -d /var/lib/etcd/member ]; then
  kubeadm reset --force >/dev/null 2>&1 || true
  rm -rf --one-file-system /etc/kubernetes/manifests /etc/kubernetes/pki /etc/kubernetes/*.conf /var/lib/etcd
fi`;
}

/** The certificates, made on the operator, on the first control plane. */
export function certificatesStep(input: Pick<KubeadmInitInput, 'layout' | 'master0' | 'needs' | 'certificates'>): Step {
  return {
    id: 'certificates',
    title: 'placing the certificates',
    hosts: [input.master0],
    needs: input.needs,
    async check(host, { signal }) {
      if (await readMarker(host, input.layout, INIT_MARKER, signal)) return 'done';
      return { what: `write ${input.certificates.length} certificates, keys and kubeconfigs` };
    },
    async apply(host, { signal, onLine }) {
      await host.run(resetPartialKubeadm(), { title: 'clearing an interrupted kubeadm run', signal, onLine });
      await host.writeFiles(input.certificates, { title: 'writing the certificates', signal });
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
    hosts: [input.master0],
    needs: ['certificates'],
    async check(host, { signal }) {
      // Whatever it was made with: a control plane that lives is changed by an upgrade, never by a second init.
      return (await readMarker(host, input.layout, INIT_MARKER, signal)) ? 'done' : { what: 'kubeadm init' };
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
          inputHash(input.master0.ip),
        ),
        { title: 'kubeadm init', signal, onLine, timeout: input.timeout },
      );
    },
    undo: resetKubeadm,
  };
}

/** `kubeadm reset` and what it leaves: its directories, kube-proxy's rules, the address that IPVS mode puts on an interface. */
export async function resetKubeadm(host: Host, { signal, onLine }: StepContext): Promise<void> {
  await host.run(
    script`if command -v kubeadm >/dev/null; then kubeadm reset --force || true; fi
for mount in $(awk '$2 ~ "^/var/lib/kubelet/" { print $2 }' /proc/mounts | sort -r); do umount -l "$mount" || true; done
rm -rf --one-file-system /etc/kubernetes /var/lib/etcd /etc/cni/net.d /var/lib/cni /var/log/kubernetes
if [ -d /var/lib/kubelet ]; then find /var/lib/kubelet -mindepth 1 -xdev -delete 2>/dev/null || true; fi
ip link delete kube-ipvs0 2>/dev/null || true
if command -v kube-proxy >/dev/null; then kube-proxy --cleanup >/dev/null 2>&1 || true; fi
if command -v iptables-save >/dev/null && iptables-save 2>/dev/null | grep -q KUBE-; then
  iptables-save | grep -v KUBE- | iptables-restore || true
fi
true`,
    { title: 'kubeadm reset', signal, onLine },
  );
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
        script`mkdir -p -m 0700 "$HOME/.kube"
if [ -e "$HOME/.kube/config" ]; then mv -f "$HOME/.kube/config" "$HOME/.kube/config.before-sealos"; fi
install -m 0600 /etc/kubernetes/admin.conf "$HOME/.kube/config"`,
        { title: 'copying the kubeconfig', signal },
      );
    },
    async undo(host, { signal }) {
      await host.run(
        script`rm -f "$HOME/.kube/config"
if [ -e "$HOME/.kube/config.before-sealos" ]; then mv -f "$HOME/.kube/config.before-sealos" "$HOME/.kube/config"; fi
rm -rf "$HOME/.kube/cache" && rmdir "$HOME/.kube" 2>/dev/null || true`,
        { title: 'removing the kubeconfig', signal },
      );
    },
  };
}
