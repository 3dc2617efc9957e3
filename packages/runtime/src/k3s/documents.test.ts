import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { HostFacts } from '../host/host.ts';
import { type K3sInput, k3sConfig, k3sNetworking } from './documents.ts';

const kernelFeatures = { ipvs: true, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true };
const at = (ip: string) => ({ ip, port: 22 });
const host = (ip: string, role: 'master' | 'worker', ipvs = true) => ({
  address: at(ip),
  role,
  facts: { hostname: `Node-${ip}`, kernelFeatures: { ...kernelFeatures, ipvs } } satisfies Pick<HostFacts, 'hostname' | 'kernelFeatures'>,
});
const hosts = [host('10.0.0.1', 'master'), host('10.0.0.2', 'master'), host('10.0.0.3', 'worker'), host('10.0.0.4', 'worker', false)];

function config(index: number, change: Partial<K3sInput> = {}) {
  const input: K3sInput = {
    seat: at('10.0.0.1'),
    hosts,
    vip: '10.103.97.2',
    apiName: 'apiserver.cluster.local',
    apiPort: 6443,
    imageOptions: undefined,
    userOptions: undefined,
    tokenFile: '/data/token',
    agentTokenFile: '/data/agent-token',
    ...change,
  };
  const chosen = hosts[index];
  assert.ok(chosen);
  return parse(k3sConfig(input, chosen));
}

test('etcd begins on the first control plane, the others join it by the name of the API', () => {
  const [first, second] = [config(0), config(1)];
  assert.deepEqual([first['cluster-init'], first.server], [true, undefined]);
  assert.deepEqual([second['cluster-init'], second.server], [undefined, 'https://apiserver.cluster.local:6443']);
  for (const server of [first, second]) {
    assert.deepEqual(server['tls-san'], ['127.0.0.1', 'apiserver.cluster.local', '10.103.97.2', '10.0.0.1', '10.0.0.2']);
    assert.deepEqual([server['token-file'], server['agent-token-file']], ['/data/token', '/data/agent-token']);
  }
  assert.equal(first['node-name'], 'node-10.0.0.1');
});

test('an agent is given its own token and what agents know, nothing of servers', () => {
  const agent = config(2, { userOptions: { 'tls-san': ['x'], 'kubelet-arg': ['max-pods=9'], 'etcd-arg': ['a=b'] } });
  assert.deepEqual(Object.keys(agent).sort(), [
    ...['kube-proxy-arg', 'kubelet-arg', 'node-label', 'node-name', 'prefer-bundled-bin', 'server', 'token-file'],
  ]);
  assert.equal(agent['token-file'], '/data/agent-token');
});

test("the user's options lie over the image's, those over ours, and a list takes the place of a list", () => {
  const imageOptions = { 'flannel-backend': 'host-gw', 'node-label': ['a=image'], 'cluster-domain': 'image.local' };
  const server = config(0, { imageOptions, userOptions: { 'node-label': ['a=user'], 'flannel-backend': 'none', 'tls-san': 'one,two' } });
  assert.deepEqual(
    [server['flannel-backend'], server['node-label'], server['cluster-domain'], server['service-cidr']],
    ['none', ['a=user'], 'image.local', '10.96.0.0/16'],
  );
  assert.deepEqual(server['tls-san'].slice(-2), ['one', 'two']);
});

test('kube-proxy uses IPVS where the kernel has it, leaves the API address alone then, and does what the user says', () => {
  assert.deepEqual(config(2)['kube-proxy-arg'], ['proxy-mode=ipvs', 'ipvs-exclude-cidrs=10.103.97.2/32']);
  assert.equal(config(3)['kube-proxy-arg'], undefined);
  assert.deepEqual(config(2, { userOptions: { 'kube-proxy-arg': ['proxy-mode=iptables'] } })['kube-proxy-arg'], ['proxy-mode=iptables']);
  assert.throws(() => config(2, { userOptions: { 'kube-proxy-arg': { mode: 'ipvs' } } }), { code: 'bad-k3s-option', exitCode: 2 });
});

test('networks are what the documents say, and are refused where the API address lies in them', () => {
  const addresses = { vip: '10.103.97.2', master: '10.0.0.1' };
  const networks = (userOptions: K3sInput['userOptions']) => k3sNetworking({ imageOptions: undefined, userOptions }, addresses);
  assert.deepEqual(networks(undefined), { podSubnet: '10.42.0.0/16', serviceSubnet: '10.96.0.0/16', dnsDomain: 'cluster.local' });
  assert.equal(networks({ 'cluster-cidr': ['10.42.0.0/16', 'fd00:42::/56'] }).podSubnet, '10.42.0.0/16,fd00:42::/56');
  assert.throws(() => networks({ 'service-cidr': '10.96.0.0/12' }), { code: 'bad-networking', exitCode: 2 });
});
