import { isIPv6 } from 'node:net';
import { badInput } from '@sealos/image';
import { stringify } from 'yaml';
import type { Address, HostFacts } from '../host/host.ts';
import { type ClusterNetworking, clusterNetworking } from '../kubeadm/networking.ts';
import { nodeName } from '../kubeadm/node.ts';
import { agentOptions, type K3sOptions } from './options.ts';

export interface K3sHost {
  readonly address: Address;
  readonly role: 'master' | 'worker';
  readonly facts: Pick<HostFacts, 'hostname' | 'kernelFeatures'>;
}

export interface K3sInput {
  /** The control plane where the cluster begins, or one that stands. */
  readonly seat: Address;
  readonly hosts: readonly K3sHost[];
  readonly vip: string;
  readonly apiName: string;
  readonly apiPort: number;
  /** Of the image, `etc/k3s.yml`. */
  readonly imageOptions: K3sOptions | undefined;
  /** Of the Clusterfile. */
  readonly userOptions: K3sOptions | undefined;
  /** Paths on hosts. */
  readonly tokenFile: string;
  readonly agentTokenFile: string;
}

/**
 * What sealos gives a k3s whose image and user say nothing (sealos-interop.md §6.13). Not taken over: a kubeconfig that every user of the
 * host may read, and a pause image that newer images do not bring.
 */
const STANDARD: K3sOptions = {
  'cluster-cidr': '10.42.0.0/16',
  'service-cidr': '10.96.0.0/16',
  'cluster-domain': 'cluster.local',
  'flannel-backend': 'vxlan',
  'egress-selector-mode': 'agent',
  'write-kubeconfig-mode': '0600',
  disable: ['servicelb', 'traefik', 'local-storage', 'metrics-server'],
  'disable-cloud-controller': true,
  'disable-helm-controller': true,
  'disable-network-policy': true,
  'prefer-bundled-bin': true,
  'node-label': ['sealos.io/distribution=k3s'],
};

type Merging = Partial<Pick<K3sInput, 'imageOptions' | 'userOptions'>>;

/** Our defaults, the image's options, the user's, each over the one before. */
export function layeredOptions({ imageOptions, userOptions }: Merging): K3sOptions {
  return { ...STANDARD, ...imageOptions, ...userOptions };
}

/** An option that is a list, given as one, as text with commas, or not at all. */
function list(options: K3sOptions, key: string): readonly string[] {
  const value = options[key];
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return value.split(',').map((one) => one.trim());
  if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value;
  throw badInput('bad-k3s-option', `k3s' option ${key} is neither text nor a list of texts`);
}

/** The networks of a k3s cluster. Throws bad input where they do not suit the addresses, as for a ClusterConfiguration. */
export function k3sNetworking(options: Merging, addresses: { readonly vip: string; readonly master: string }): ClusterNetworking {
  const all = layeredOptions(options);
  const networking = {
    podSubnet: list(all, 'cluster-cidr').join(','),
    serviceSubnet: list(all, 'service-cidr').join(','),
    dnsDomain: String(all['cluster-domain']),
  };
  return clusterNetworking({ networking }, addresses);
}

/** kube-proxy lives in k3s: with IPVS where this host's kernel has it, and then it must leave the API's own address alone. */
function proxyArguments(options: K3sOptions, { facts }: K3sHost, vip: string): readonly string[] {
  const given = list(options, 'kube-proxy-arg');
  const has = (key: string) => given.some((argument) => argument.startsWith(`${key}=`));
  const mode = has('proxy-mode') || !facts.kernelFeatures.ipvs ? [] : ['proxy-mode=ipvs'];
  const isIpvs = [...given, ...mode].includes('proxy-mode=ipvs');
  const exclude = isIpvs && !has('ipvs-exclude-cidrs') ? [`ipvs-exclude-cidrs=${vip}/${isIPv6(vip) ? 128 : 32}`] : [];
  return [...given, ...mode, ...exclude];
}

/** `/etc/rancher/k3s/config.yaml` of one host. It names the files of the tokens, and holds no secret of ours. */
export function k3sConfig(input: K3sInput, host: K3sHost): string {
  const { seat, hosts, vip, apiName, apiPort } = input;
  const options = layeredOptions(input);
  const proxy = proxyArguments(options, host, vip);
  const isSeat = host.address.ip === seat.ip;
  const everywhere = {
    'node-name': nodeName(host.facts.hostname),
    ...(proxy.length > 0 ? { 'kube-proxy-arg': proxy } : {}),
    ...(isSeat ? {} : { server: `https://${apiName}:${apiPort}` }),
  };
  if (host.role === 'worker') return stringify({ ...agentOptions(options), ...everywhere, 'token-file': input.agentTokenFile });
  const apiHosts = hosts.filter(({ role }) => role === 'master').map(({ address }) => address.ip);
  return stringify({
    ...options,
    ...everywhere,
    'https-listen-port': apiPort,
    'tls-san': [...new Set(['127.0.0.1', apiName, vip, ...apiHosts, ...list(options, 'tls-san')])],
    'token-file': input.tokenFile,
    'agent-token-file': input.agentTokenFile,
    ...(isSeat ? { 'cluster-init': true } : {}),
  });
}
