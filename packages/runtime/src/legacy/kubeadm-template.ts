import { badInput, olderKubeadm } from '@sealos/image';
import { stringify } from 'yaml';
import { nthOfBlock, parseHostList } from '../address-list.ts';

/** What `sealos config -t kubeadm` printed, to be changed and given to `sealos init --kubeadm-config`. */
export const OLDER_KUBEADM_TEMPLATE = `apiVersion: kubeadm.k8s.io/v1beta2
kind: ClusterConfiguration
kubernetesVersion: {{.Version}}
controlPlaneEndpoint: "apiserver.cluster.local:6443"
networking:
  podSubnet: 100.64.0.0/10
apiServer:
  certSANs:
  - 127.0.0.1
  - apiserver.cluster.local
  {{range .Masters -}}
  - {{.}}
  {{end -}}
  - {{.VIP}}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: "ipvs"
ipvs:
  excludeCIDRs:
  - "{{.VIP}}/32"
`;

/** Flags of `sealos init` that say something of kubeadm's configuration. */
export interface OlderKubeadmFlags {
  /** The text of `--kubeadm-config`'s file. */
  readonly template?: string | undefined;
  readonly version: string;
  readonly vip: string;
  /** As one list. */
  readonly masters: string;
  readonly podCidr?: string | undefined;
  readonly serviceCidr?: string | undefined;
  readonly certSans: readonly string[];
  readonly repository?: string | undefined;
}

/**
 * The documents for `--config-file` that those flags stand for; empty where they say nothing. Flags come after the template, as documents
 * laid over it. Throws `bad-kubeadm-template`, `bad-address` (exit 2).
 */
export function olderKubeadmDocuments(flags: OlderKubeadmFlags): readonly string[] {
  const { template, version, vip, podCidr, serviceCidr, certSans, repository } = flags;
  for (const [flag, cidr] of [
    ['--podcidr', podCidr],
    ['--svccidr', serviceCidr],
  ]) {
    if (cidr === undefined) continue;
    if (!cidr.includes('/')) throw badInput('bad-address', `${flag} '${cidr}' is no range of addresses`, 'write 10.96.0.0/12');
    nthOfBlock(cidr, 1);
  }
  const masters = parseHostList(flags.masters, 22).map(({ ip }) => ip);
  const own =
    template === undefined ? '' : olderKubeadm(template, { name: '--kubeadm-config', version, vip, masters, imageRepository: undefined });
  const networking = {
    ...(podCidr === undefined ? {} : { podSubnet: podCidr }),
    ...(serviceCidr === undefined ? {} : { serviceSubnet: serviceCidr }),
  };
  const cluster = {
    ...(Object.keys(networking).length === 0 ? {} : { networking }),
    ...(certSans.length === 0 ? {} : { apiServer: { certSANs: certSans } }),
    ...(repository === undefined ? {} : { imageRepository: repository }),
  };
  const laid =
    Object.keys(cluster).length === 0 ? '' : stringify({ apiVersion: 'kubeadm.k8s.io/v1beta2', kind: 'ClusterConfiguration', ...cluster });
  return [own, laid].filter((text) => text !== '');
}
