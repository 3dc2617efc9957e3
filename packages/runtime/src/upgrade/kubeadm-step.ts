import type { Address, Host, HostFile } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { finishing } from '../steps/marker.ts';
import { isPartDone, partHash, partMarker, type UpgradeTarget } from './progress.ts';

export interface KubeadmUpgradeInput {
  readonly layout: HostLayout;
  readonly address: Address;
  readonly needs: readonly string[];
  readonly target: UpgradeTarget;
  /** The control plane that is upgraded before all others, and the cluster's own objects with it. */
  readonly first: boolean;
  /** Certificates and kubeconfigs that the new version wants otherwise; its API server, which kubeadm starts, reads them. */
  readonly identities: readonly HostFile[];
  /** Kubeadm phases that the image does without. */
  readonly skipPhases: readonly string[];
  readonly timeout: number | undefined;
}

/**
 * kubeadm's part of one node's upgrade: static pods and the cluster's objects on the first control plane, static pods on the others, the
 * kubelet's configuration everywhere. The certificates stay: they are made on the operator and last longer than kubeadm's.
 */
export function kubeadmUpgradeStep(input: KubeadmUpgradeInput): Step {
  const { layout, address, target, first, timeout } = input;
  const kubeadm = `${layout.rootfs}/bin/kubeadm`;
  // A job that must run somewhere at once proves nothing that was not looked at before; on a busy cluster its 15 s are too few.
  const ignored = ['SystemVerification', 'CreateJob'];
  if (input.skipPhases.includes('addon/coredns')) ignored.push('ImagePull', 'CoreDNSUnsupportedPlugins', 'CoreDNSMigration');
  const ignore = `--ignore-preflight-errors=${ignored.join(',')}`;
  const command = first
    ? script`${kubeadm} upgrade apply ${target.to} --yes --certificate-renewal=false ${ignore}`
    : script`${kubeadm} upgrade node --certificate-renewal=false ${ignore}`;
  return {
    id: `kubeadm-upgrade ${address.ip}`,
    title: `kubeadm upgrade on ${address.ip}`,
    hosts: [address],
    needs: input.needs,
    async check(host, { signal }) {
      const done = await isPartDone(host, layout, target, 'kubeadm', signal);
      return done ? 'done' : { what: `run kubeadm upgrade ${first ? `apply ${target.to}` : 'node'}` };
    },
    async apply(host, { signal, onLine }) {
      if (input.identities.length > 0) await host.writeFiles(input.identities, { title: 'placing certificates of the new groups', signal });
      await host.run(finishing(command, layout, partMarker(target, 'kubeadm'), partHash(target)), {
        title: `kubeadm upgrade ${first ? `apply ${target.to}` : 'node'}`,
        signal,
        onLine,
        timeout,
      });
    },
  };
}

/**
 * Brings back a static pod's manifest that an interrupted `kubeadm upgrade` left out of its directory: it moves the old one aside, then
 * the new one in, and keeps both below `/etc/kubernetes/tmp`. Without it the pod, be it the API server or etcd, would not come back.
 */
export async function restoreManifests(host: Host, signal: AbortSignal): Promise<void> {
  await host.run(restoring, { title: 'looking for manifests that an interrupted upgrade left out', signal });
}

const restoring: Script = script`for component in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  manifest=/etc/kubernetes/manifests/$component.yaml
  [ ! -e "$manifest" ] || continue
  kept=$(ls -t /etc/kubernetes/tmp/kubeadm-backup-manifests*/$component.yaml 2>/dev/null | head -n 1)
  [ -n "$kept" ] || continue
  install -m 0600 "$kept" "/etc/kubernetes/tmp/$component.yaml" && mv -f "/etc/kubernetes/tmp/$component.yaml" "$manifest"
done`;
