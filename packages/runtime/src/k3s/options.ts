import { badInput } from '@sealos/image';
import { parseYamlStream } from '../cluster/yaml-stream.ts';
import { isSecretKey } from '../image-contract/environment.ts';

/** Options of k3s as its configuration file names them: those of the command line without `--`. */
export type K3sOptions = Readonly<Record<string, unknown>>;

const words = (text: string) => text.trim().split(/\s+/);

/** What an agent knows; a server knows these too (docs.k3s.io, "k3s agent"). */
const AGENT: ReadonlySet<string> = new Set(
  words(`airgap-extra-registry alsologtostderr bind-address container-runtime-endpoint data-dir debug default-runtime
    disable-apiserver-lb disable-default-registry-endpoint docker enable-pprof flannel-cni-conf flannel-conf flannel-iface
    image-credential-provider-bin-dir image-credential-provider-config image-service-endpoint kube-proxy-arg kubelet-arg lb-server-port
    log node-external-dns node-external-ip node-internal-dns node-ip node-label node-name node-taint nonroot-devices pause-image
    prefer-bundled-bin private-registry protect-kernel-defaults resolv-conf rootless selinux server snapshotter token token-file v vmodule
    vpn-auth vpn-auth-file with-node-id`),
);

/** What a server knows besides (docs.k3s.io, "k3s server"); newer versions know more. */
const SERVER: ReadonlySet<string> = new Set(
  words(`advertise-address advertise-port cluster-cidr cluster-dns cluster-domain cluster-reset datastore-cafile datastore-certfile
    datastore-keyfile default-local-storage-path disable disable-apiserver disable-cloud-controller disable-controller-manager disable-etcd
    disable-helm-controller disable-kube-proxy disable-network-policy disable-scheduler egress-selector-mode embedded-registry
    enable-pprof etcd-arg etcd-disable-snapshots etcd-expose-metrics etcd-snapshot-compress etcd-snapshot-dir etcd-snapshot-name
    etcd-snapshot-retention etcd-snapshot-schedule-cron flannel-backend flannel-external-ip flannel-ipv6-masq helm-job-image
    kine-tls kube-apiserver-arg kube-cloud-controller-manager-arg kube-controller-manager-arg kube-scheduler-arg multi-cluster-cidr
    secrets-encryption servicelb-namespace service-cidr service-node-port-range supervisor-metrics system-default-registry tls-san
    tls-san-security write-kubeconfig-group write-kubeconfig-mode`),
);

/** What sealos decides: an answer of the user's would contradict the hosts, or where everything else looks for it. */
const OURS: ReadonlySet<string> = new Set(
  words(`agent-token agent-token-file cluster-init data-dir datastore-endpoint https-listen-port node-name server token token-file
    with-node-id write-kubeconfig`),
);

/** Options that hold a secret itself, not the name of a file or of a Secret. */
const isSecret = (key: string) =>
  (isSecretKey(key) && !/^secrets-|-(?:file|config-secret)$/.test(key)) || /access-key$|^vpn-auth$/.test(key);

/** Whether a document of a Clusterfile is one of k3s: it alone says neither kind nor version, and names at least one known option. */
export function isK3sDocument(value: Readonly<Record<string, unknown>>): boolean {
  if (value['kind'] !== undefined || value['apiVersion'] !== undefined) return false;
  return Object.keys(value).some((key) => AGENT.has(key) || SERVER.has(key) || OURS.has(key));
}

/** Checks options that were written by somebody. `where` names the place in errors. Throws bad input. */
export function k3sOptions(value: Readonly<Record<string, unknown>>, where: (key: string) => string): K3sOptions {
  for (const key of Object.keys(value)) {
    if (!/^[a-z][a-z0-9-]*$/.test(key)) {
      throw badInput('bad-k3s-option', `${where(key)}: '${key}' is no option of k3s`, 'kind is missing, or write an option as node-label');
    }
    if (OURS.has(key)) throw badInput('bad-k3s-option', `${where(key)}: sealos itself sets k3s' option ${key}`, 'leave it out');
    if (!isSecret(key)) continue;
    throw badInput(
      'bad-k3s-option',
      `${where(key)}: k3s' option ${key} is a secret, and the Clusterfile is none`,
      'write it to a file in /etc/rancher/k3s/config.yaml.d on the hosts',
    );
  }
  return value;
}

/** An image's `etc/k3s.yml`: one flat document. Throws bad input for what is none. */
export function parseK3sOptions(text: string, name: string): K3sOptions {
  const [document, second] = parseYamlStream(text, name);
  if (second) throw badInput('bad-k3s-option', `${second.where()}: a second document`, 'the options of k3s are one document');
  return document ? k3sOptions(document.value, (key) => document.where([key])) : {};
}

/** Options with more laid over: one that is named again is replaced, lists too. Undefined where there are none at all. */
export function layK3sOptions(base: K3sOptions | undefined, over: K3sOptions | undefined): K3sOptions | undefined {
  return base || over ? { ...base, ...over } : undefined;
}

/** Those of the options that an agent takes. */
export function agentOptions(options: K3sOptions): K3sOptions {
  return Object.fromEntries(Object.entries(options).filter(([key]) => AGENT.has(key)));
}
