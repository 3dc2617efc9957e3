import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { type KubeadmDocument, parseKubeadmDocuments } from './document.ts';
import { documentedNetworking, kubeadmDocuments } from './documents.ts';
import { networkVariables } from './networking.ts';
import type { KubeadmHost, KubeadmInput } from './plan.ts';
import { generateToken } from './token.ts';

const facts: KubeadmHost['facts'] = {
  hostname: 'Master-0',
  kernelFeatures: { ipvs: true, nftables: true, bridgeNetfilter: true, overlayfs: true, vxlan: true },
  sysResource: true,
  swapOn: false,
  cgroup: 'v2',
  systemd: true,
};
const host = (ip: string, role: 'master' | 'worker', differences: Partial<KubeadmHost['facts']> = {}): KubeadmHost => ({
  address: { ip, port: 22 },
  role,
  facts: { ...facts, ...differences },
});
const master0 = host('10.0.0.11', 'master');
const three = [
  master0,
  host('10.0.0.12', 'master', { hostname: 'm1' }),
  host('10.0.0.21', 'worker', { hostname: 'w0', cgroup: 'v1', sysResource: false, swapOn: true }),
];

function plan(input: Partial<KubeadmInput> = {}) {
  return kubeadmDocuments({
    version: 'v1.28.0',
    hosts: [master0],
    vip: '10.103.97.2',
    token: 'abcdef.0123456789abcdef',
    caCertHash: 'sha256:00',
    ...input,
  });
}
// biome-ignore lint/suspicious/noExplicitAny: documents are looked into here, member by member
function parsed(text: string): Record<string, any> {
  return Object.fromEntries(parseAllDocuments(text).map((document) => [document.toJS().kind, document.toJS()]));
}
const init = (input: Partial<KubeadmInput> = {}) => parsed(plan(input).init);
const user = (text: string) => parseKubeadmDocuments(text, 'user.yml');
const cluster = (body: string, api = 'v1beta3') => user(`apiVersion: kubeadm.k8s.io/${api}\nkind: ClusterConfiguration\n${body}`);
const badInput = (message: RegExp) => ({ exitCode: 2, message });

for (const version of ['v1.18.20', 'v1.20.2', 'v1.28.0', 'v1.33.1']) {
  test(`all documents of ${version} are those of the golden file`, () => {
    const { init, join: joins, skipPhaseFlags } = plan({ version, hosts: three, skipPhases: ['preflight', 'addon/coredns'] });
    const text = [
      `# init: ${skipPhaseFlags.init.join(' ')}`.trim(),
      `# join: ${skipPhaseFlags.join.join(' ')}`.trim(),
      init + [...joins].map(([ip, yaml]) => `--- # ${ip}\n${yaml}`).join(''),
    ].join('\n');
    assert.equal(text, readFileSync(join(import.meta.dirname, 'golden', `${version}.txt`), 'utf8'));
  });
}

test('the same input gives the same bytes', () => assert.deepEqual(plan({ hosts: three }), plan({ hosts: three })));

test('the version decides the configuration', () => {
  const api = (version: string) => init({ version })['InitConfiguration'].apiVersion;
  assert.equal(api('v1.21.14'), 'kubeadm.k8s.io/v1beta2');
  assert.equal(api('v1.22.0'), 'kubeadm.k8s.io/v1beta3');
  assert.equal(api('v1.30.9'), 'kubeadm.k8s.io/v1beta3');
  assert.equal(api('v1.31.0-rc.1'), 'kubeadm.k8s.io/v1beta4');
  assert.throws(() => plan({ version: 'v1.14.10' }), badInput(/v1\.14\.10 is too old/));
});

test('a cluster of one host runs its workloads there, unless its user taints it', () => {
  assert.deepEqual(init()['InitConfiguration'].nodeRegistration.taints, []);
  assert.equal(init({ hosts: three })['InitConfiguration'].nodeRegistration.taints, undefined);
  const userDocuments = user(
    'apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration: {taints: [{key: a, effect: NoSchedule}]}',
  );
  assert.deepEqual(init({ userDocuments })['InitConfiguration'].nodeRegistration.taints, [{ key: 'a', effect: 'NoSchedule' }]);
});

test('the user wins over the image, the image over the defaults', () => {
  const { ClusterConfiguration } = init({
    imageDocuments: cluster('networking: {podSubnet: 10.1.0.0/16, serviceSubnet: 10.2.0.0/16}\nclusterName: image'),
    userDocuments: [...cluster('networking: {podSubnet: 10.3.0.0/16}'), ...cluster('clusterName: user')],
  });
  assert.deepEqual(ClusterConfiguration.networking, { podSubnet: '10.3.0.0/16', serviceSubnet: '10.2.0.0/16', dnsDomain: 'cluster.local' });
  assert.equal(ClusterConfiguration.clusterName, 'user');
});

test('lists with names merge by name, sets unite, and no document counts twice', () => {
  const document = cluster(`
apiServer:
  certSANs: [api.example.org, 10.0.0.11]
  extraArgs: {audit-log-maxage: 30, v: "4"}
  extraVolumes:
    - {name: audit-log, hostPath: /data/audit, mountPath: /var/log/kubernetes}
    - {name: mine, hostPath: /mine, mountPath: /mine}
`);
  const once = init({ userDocuments: document });
  const { apiServer } = once['ClusterConfiguration'];
  assert.deepEqual(apiServer.certSANs, ['127.0.0.1', 'apiserver.cluster.local', '10.103.97.2', '10.0.0.11', 'api.example.org']);
  assert.equal(apiServer.extraArgs['audit-log-maxage'], '30');
  assert.equal(apiServer.extraArgs['audit-log-maxbackup'], '10');
  assert.deepEqual(
    apiServer.extraVolumes.map(({ name, hostPath }: { name: string; hostPath: string }) => `${name}=${hostPath}`),
    ['audit=/etc/kubernetes', 'audit-log=/data/audit', 'localtime=/etc/localtime', 'mine=/mine'],
  );
  assert.deepEqual(init({ userDocuments: [...document, ...document] }), once);
});

test('null takes a default out', () => {
  const { extraArgs } = init({ userDocuments: cluster('apiServer: {extraArgs: {audit-log-path: null}}') })['ClusterConfiguration']
    .apiServer;
  assert.ok(!('audit-log-path' in extraArgs));
});

test('without a policy file there is no audit, and nothing of it is mounted', () => {
  const { extraArgs, extraVolumes } = init({ auditPolicy: false })['ClusterConfiguration'].apiServer;
  assert.ok(!Object.keys(extraArgs).some((name) => name.startsWith('audit')));
  assert.equal(extraVolumes.length, 1);
});

test('an external etcd takes the place of the local one', () => {
  const image = cluster('etcd: {local: {dataDir: /data/etcd}}');
  const { etcd } = init({ imageDocuments: image, userDocuments: cluster('etcd: {external: {endpoints: ["https://10.0.0.9:2379"]}}') })[
    'ClusterConfiguration'
  ];
  assert.deepEqual(etcd, { external: { endpoints: ['https://10.0.0.9:2379'] } });
});

test('documents of any version of the configuration serve any cluster', () => {
  const old = cluster(
    'apiServer: {timeoutForControlPlane: 9m0s, extraArgs: {v: "4"}}\nuseHyperKubeImage: true\ndns: {type: CoreDNS}',
    'v1beta2',
  );
  const modern = plan({ version: 'v1.33.1', userDocuments: old });
  const { ClusterConfiguration, InitConfiguration } = parsed(modern.init);
  assert.deepEqual(ClusterConfiguration.apiServer.extraArgs.at(-1), { name: 'v', value: '4' });
  assert.deepEqual(InitConfiguration.timeouts, { controlPlaneComponentHealthCheck: '9m0s' });
  assert.ok(!('timeoutForControlPlane' in ClusterConfiguration.apiServer));
  assert.deepEqual(modern.warnings, [
    'ClusterConfiguration.useHyperKubeImage is left out: it has no effect since kubeadm v1beta3',
    'ClusterConfiguration.dns.type is left out: it has no effect since kubeadm v1beta3',
  ]);

  const recent = [
    ...cluster(
      'apiServer: {extraArgs: [{name: v, value: "4"}, {name: x, value: a}, {name: x, value: b}], extraEnvs: [{name: A, value: b}]}\ncertificateValidityPeriod: 1h',
      'v1beta4',
    ),
    ...user(
      'apiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nnodeRegistration: {imagePullPolicy: Never}\ntimeouts: {controlPlaneComponentHealthCheck: 9m0s, tlsBootstrap: 1m0s}\nskipPhases: [mark-control-plane]',
    ),
  ];
  const ancient = plan({ version: 'v1.20.2', userDocuments: recent });
  const documents = parsed(ancient.init);
  assert.equal(documents['ClusterConfiguration'].apiServer.extraArgs.x, 'b');
  assert.equal(documents['ClusterConfiguration'].apiServer.timeoutForControlPlane, '9m0s');
  assert.deepEqual(ancient.skipPhaseFlags.init, ['--skip-phases=mark-control-plane']);
  assert.deepEqual(ancient.warnings, [
    'InitConfiguration.nodeRegistration.imagePullPolicy is left out: kubeadm v1beta2 does not know it',
    'InitConfiguration.timeouts is left out: kubeadm v1beta2 does not know it',
    "ClusterConfiguration.apiServer.extraArgs: of several values of 'x' only the last counts with kubeadm v1beta2",
    'ClusterConfiguration.apiServer.extraEnvs is left out: kubeadm v1beta2 does not know it',
    'ClusterConfiguration.certificateValidityPeriod is left out: kubeadm v1beta2 does not know it',
  ]);
  const list = init({ version: 'v1.33.1', userDocuments: recent })['ClusterConfiguration'].apiServer.extraArgs;
  assert.deepEqual(
    list.filter(({ name }: { name: string }) => name === 'x').map(({ value }: { value: string }) => value),
    ['a', 'b'],
  );
});

test('what a kubelet or a component does not know yet, or no longer, is left out', () => {
  const kubelet = user(
    'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmemorySwap: {swapBehavior: LimitedSwap}\nmaxPods: 50',
  );
  const { init: text, warnings } = plan({ version: 'v1.20.2', userDocuments: kubelet, imageEndpoint: '/run/shim.sock' });
  const { KubeletConfiguration } = parsed(text);
  assert.equal(KubeletConfiguration.maxPods, 50);
  assert.ok(!('memorySwap' in KubeletConfiguration) && !('imageServiceEndpoint' in KubeletConfiguration));
  assert.deepEqual(warnings, ['KubeletConfiguration.memorySwap is left out: kubelet knows it from 1.22 on, this cluster is v1.20.2']);
  assert.equal(init({ imageEndpoint: '/run/shim.sock' })['KubeletConfiguration'].imageServiceEndpoint, 'unix:///run/shim.sock');
  const gates = (version: string) => init({ version })['KubeletConfiguration'].featureGates;
  assert.deepEqual(gates('v1.20.2'), { TTLAfterFinished: true, EphemeralContainers: true });
  assert.deepEqual(gates('v1.25.0'), { EphemeralContainers: true });
  assert.equal(gates('v1.26.0'), undefined);
});

test('kube-proxy uses ipvs only where every kernel has it, and leaves limits alone that a host may not set', () => {
  const proxy = (hosts: readonly KubeadmHost[], version = 'v1.28.0') => init({ hosts, version })['KubeProxyConfiguration'];
  assert.equal(proxy([master0]).mode, 'ipvs');
  assert.deepEqual(proxy([master0]).ipvs, { excludeCIDRs: ['10.103.97.2/32'] });
  assert.equal(proxy([master0]).conntrack, undefined);
  const without = host('10.0.0.21', 'worker', { kernelFeatures: { ...facts.kernelFeatures, ipvs: false }, sysResource: false });
  assert.equal(proxy([master0, without]).mode, 'iptables');
  assert.deepEqual(proxy([master0, without]).conntrack, { maxPerCore: 0, min: 0 });
  assert.equal(proxy([master0], 'v1.35.0').mode, 'iptables');
});

test("a user's ipvs keeps the virtual address too, besides what else is excluded", () => {
  const userDocuments = user(
    'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: ipvs\nipvs: {excludeCIDRs: [10.9.0.0/16]}',
  );
  const { KubeProxyConfiguration } = init({ version: 'v1.35.0', userDocuments });
  assert.deepEqual(KubeProxyConfiguration.ipvs.excludeCIDRs, ['10.9.0.0/16', '10.103.97.2/32']);
});

test('a host that differs from the first is told so by its own arguments, unless the user decided for all', () => {
  const args = (input: Partial<KubeadmInput>) =>
    parsed(plan({ hosts: three, ...input }).join.get('10.0.0.21') ?? '')['JoinConfiguration'].nodeRegistration.kubeletExtraArgs;
  assert.deepEqual(args({}), { 'node-ip': '10.0.0.21', 'cgroup-driver': 'cgroupfs', 'fail-swap-on': 'false' });
  const userDocuments = user(
    'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\ncgroupDriver: cgroupfs\nfailSwapOn: false',
  );
  assert.deepEqual(args({ userDocuments }), { 'node-ip': '10.0.0.21' });
  const found = [master0, { ...(three[2] ?? master0), cgroupDriver: 'systemd' as const }];
  assert.deepEqual(args({ hosts: found }), { 'node-ip': '10.0.0.21', 'fail-swap-on': 'false' });
});

test("a user's arguments for kubelets stay beside ours on every host", () => {
  const both = ['InitConfiguration', 'JoinConfiguration'].flatMap((kind) =>
    user(
      `apiVersion: kubeadm.k8s.io/v1beta3\nkind: ${kind}\nnodeRegistration: {name: wrong, kubeletExtraArgs: {max-pods: 99}}\ncontrolPlane: {certificateKey: k}`,
    ),
  );
  const documents = plan({ hosts: three, userDocuments: both });
  const first = parsed(documents.init)['InitConfiguration'].nodeRegistration;
  assert.deepEqual([first.name, first.kubeletExtraArgs], ['master-0', { 'max-pods': '99', 'node-ip': '10.0.0.11' }]);
  const worker = parsed(documents.join.get('10.0.0.21') ?? '')['JoinConfiguration'];
  assert.deepEqual(
    [worker.nodeRegistration.name, worker.nodeRegistration.kubeletExtraArgs['max-pods'], worker.controlPlane],
    ['w0', '99', undefined],
  );
  const master = parsed(documents.join.get('10.0.0.12') ?? '')['JoinConfiguration'];
  assert.deepEqual(master.controlPlane, { certificateKey: 'k', localAPIEndpoint: { advertiseAddress: '10.0.0.12', bindPort: 6443 } });
});

test('masters join at the first one, workers where workers find the API, and both on the port that the user chose', () => {
  const endpoint = (ip: string, input: Partial<KubeadmInput> = {}) =>
    parsed(plan({ hosts: three, ...input }).join.get(ip) ?? '')['JoinConfiguration'].discovery.bootstrapToken.apiServerEndpoint;
  const userDocuments = user(
    'apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nlocalAPIEndpoint: {bindPort: 7443, advertiseAddress: 1.2.3.4}',
  );
  assert.equal(endpoint('10.0.0.12'), '10.0.0.11:6443');
  assert.equal(endpoint('10.0.0.21'), '10.103.97.2:6443');
  assert.equal(endpoint('10.0.0.21', { userDocuments }), '10.103.97.2:7443');
  assert.equal(endpoint('10.0.0.21', { workerEndpoint: '10.0.0.11:6443' }), '10.0.0.11:6443');
  const { InitConfiguration, ClusterConfiguration } = init({ userDocuments });
  assert.deepEqual(InitConfiguration.localAPIEndpoint, { advertiseAddress: '10.0.0.11', bindPort: 7443 });
  assert.equal(ClusterConfiguration.controlPlaneEndpoint, 'apiserver.cluster.local:7443');
});

test('the socket is a path for old kubelets and a URL for new ones, however it is written', () => {
  const socket = (version: string, criSocket: string) => init({ version, criSocket })['InitConfiguration'].nodeRegistration.criSocket;
  assert.equal(socket('v1.23.0', 'unix:///run/a.sock'), '/run/a.sock');
  assert.equal(socket('v1.24.0', '/run/a.sock'), 'unix:///run/a.sock');
  assert.equal(socket('v1.24.0', 'unix:///run/a.sock'), 'unix:///run/a.sock');
});

test('networks that cannot work are refused', () => {
  const refused = (networking: string, message: RegExp, vip = '10.103.97.2') =>
    assert.throws(() => plan({ vip, userDocuments: cluster(`networking: {${networking}}`) }), badInput(message));
  refused('podSubnet: 10.0.0.0/8', /the virtual address 10\.103\.97\.2 lies in 10\.0\.0\.0\/8/);
  refused('serviceSubnet: 10.103.0.0/16', /lies in 10\.103\.0\.0\/16/);
  refused('podSubnet: 10.96.0.0/16', /the pod subnet 10\.96\.0\.0\/16 and the service subnet 10\.96\.0\.0\/22 overlap/);
  refused('podSubnet: nonsense', /'nonsense' is not a block/);
  refused('podSubnet: "10.1.0.0/16,fd00::/48"', /lies in fd00::\/48/, 'fd00::9');
});

test('text that YAML 1.1 takes for something else is quoted', () => {
  const text = plan({ userDocuments: cluster('clusterName: "on"\nimageRepository: "0755"\nfoo: "12:30"') }).init;
  assert.match(text, /clusterName: "on"/);
  assert.match(text, /imageRepository: "0755"/);
});

test('documents that kubeadm does not read are refused with their place', () => {
  assert.throws(() => user('a: 1\n'), badInput(/^user\.yml:1: document 1: kind 'undefined' is not one that kubeadm reads$/));
  assert.throws(
    () => user('---\napiVersion: kubeadm.k8s.io/v1beta1\nkind: InitConfiguration\n'),
    badInput(/^user\.yml:3: document 1: apiVersion 'kubeadm\.k8s\.io\/v1beta1' of InitConfiguration is not supported$/),
  );
  assert.throws(() => user('a: [\n'), badInput(/^user\.yml:\d: /));
  assert.throws(() => user('- a\n'), badInput(/^user\.yml:1: document 1 is not a map$/));
  const none: readonly KubeadmDocument[] = [];
  assert.deepEqual(user('# nothing\n---\n'), none);
});

test('the cluster begins on the first master, wherever it stands among the hosts', () => {
  const [first, second, worker] = three;
  const hosts = [worker, first, second].filter((one) => one !== undefined);
  const { init: text, join: joins } = plan({ hosts });
  assert.equal(text, plan({ hosts: three }).init);
  assert.deepEqual([...joins.keys()], ['10.0.0.21', '10.0.0.12']);
});

test('a cluster without a master is refused', () => {
  assert.throws(() => plan({ hosts: [] }), badInput(/no control-plane host/));
  assert.throws(() => plan({ hosts: [host('10.0.0.1', 'worker')] }), badInput(/no control-plane host/));
});

test('tokens have the form that kubeadm demands', () => {
  for (let count = 0; count < 20; count++) assert.match(generateToken(), /^[a-z0-9]{6}\.[a-z0-9]{16}$/);
});

const dualStack = cluster('networking: {podSubnet: "10.160.0.0/12,fd00:10::/48", serviceSubnet: "10.96.0.0/16,fd00:20::/112"}\n');

test('with both families a node has an address of each, the first the one by which we know it', () => {
  const hosts = [
    host('10.0.0.11', 'master', { addresses: ['127.0.0.1', '::1', 'fe80::1', '10.0.0.11', '2001:db8::11', '2001:db8::12'] }),
    host('10.0.0.21', 'worker', { hostname: 'w0', addresses: ['10.0.0.21'] }),
  ];
  const documents = plan({ hosts, userDocuments: dualStack });
  assert.deepEqual(documents.networking, {
    podSubnet: '10.160.0.0/12,fd00:10::/48',
    serviceSubnet: '10.96.0.0/16,fd00:20::/112',
    dnsDomain: 'cluster.local',
  });
  assert.equal(parsed(documents.init)['InitConfiguration'].nodeRegistration.kubeletExtraArgs['node-ip'], '10.0.0.11,2001:db8::11');
  const join = parsed(documents.join.get('10.0.0.21') ?? '');
  assert.equal(join['JoinConfiguration'].nodeRegistration.kubeletExtraArgs['node-ip'], '10.0.0.21');
});

test('Kubernetes 1.20 is told by a feature gate that there are both families, 1.21 knows it by itself, before 1.20 they are as kubeadm has them', () => {
  const hosts = [host('10.0.0.11', 'master', { addresses: ['10.0.0.11', '2001:db8::11'] })];
  const of = (version: string) => {
    const documents = init({ hosts, userDocuments: dualStack, version });
    const { ClusterConfiguration: cluster, KubeletConfiguration: kubelet, KubeProxyConfiguration: proxy } = documents;
    return {
      gates: [cluster.featureGates, kubelet.featureGates.IPv6DualStack, proxy.featureGates],
      components: ['apiServer', 'controllerManager', 'scheduler'].map((component) => {
        const { extraArgs } = cluster[component];
        return String(extraArgs['feature-gates']).includes('IPv6DualStack=true');
      }),
      nodeIp: documents['InitConfiguration'].nodeRegistration.kubeletExtraArgs['node-ip'],
    };
  };
  const gate = { IPv6DualStack: true };
  assert.deepEqual(of('v1.20.2'), { gates: [gate, true, gate], components: [true, true, true], nodeIp: '10.0.0.11,2001:db8::11' });
  const none = { gates: [undefined, undefined, undefined], components: [false, false, false] };
  assert.deepEqual(of('v1.21.0'), { ...none, nodeIp: '10.0.0.11,2001:db8::11' });
  assert.deepEqual(of('v1.19.16'), { ...none, nodeIp: '10.0.0.11' });
});

test('a control plane of IPv6 has networks of IPv6 unless its user names some', () => {
  const hosts = [host('2001:db8::11', 'master')];
  const { networking } = init({ hosts })['ClusterConfiguration'];
  assert.deepEqual([networking.podSubnet, networking.serviceSubnet], ['fd00:100:64::/48', 'fd00:10:96::/112']);
  assert.equal(init({ hosts })['InitConfiguration'].localAPIEndpoint.advertiseAddress, '2001:db8::11');
  assert.throws(
    () => plan({ hosts: [...hosts, host('2001:db8::21', 'worker')] }),
    badInput(/^the virtual address 10\.103\.97\.2 is not of the family of the control plane's address 2001:db8::11$/),
  );
  const joins = plan({ hosts: [...hosts, host('2001:db8::21', 'worker', { hostname: 'w0' })], vip: 'fd00:10:103:97::2' }).join;
  assert.match(joins.get('2001:db8::21') ?? '', /apiServerEndpoint: "?\[fd00:10:103:97::2\]:6443/);
});

test('networks that the families forbid are refused', () => {
  const refused = (body: string, message: RegExp) =>
    assert.throws(() => plan({ userDocuments: cluster(`networking: ${body}\n`) }), badInput(message));
  refused('{serviceSubnet: fd00:20::/112}', /^the service subnet fd00:20::\/112 is not of the family of the control plane's address/);
  refused(
    '{podSubnet: "10.1.0.0/16,10.2.0.0/16"}',
    /^podSubnet '10\.1\.0\.0\/16,10\.2\.0\.0\/16' is not one block, or one IPv4 and one IPv6/,
  );
  refused('{podSubnet: "10.1.0.0/16,fd00::/48,fd01::/48"}', /is not one block/);
  refused('{podSubnet: "10.1.0.0/16,"}', /is not|block/);
});

test('the networks alone are those of the documents', () => {
  const documents = {
    imageDocuments: cluster('networking: {podSubnet: 10.1.0.0/16}\n'),
    userDocuments: cluster('networking: {dnsDomain: a.b}\n'),
  };
  const networking = documentedNetworking(documents, { vip: '10.103.97.2', master: '10.0.0.11' });
  assert.deepEqual(networking, plan(documents).networking);
  assert.deepEqual(Object.fromEntries(networkVariables(networking)), {
    SEALOS_SYS_POD_SUBNET: '10.1.0.0/16',
    SEALOS_SYS_SERVICE_SUBNET: '10.96.0.0/22',
    SEALOS_SYS_DNS_DOMAIN: 'a.b',
  });
});

test("a user's taints: none is an answer, and takes the image's away", () => {
  const documents = (taints: string) =>
    user(`apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\nnodeRegistration: {taints: ${taints}}\n`);
  const taints = init({ hosts: three, imageDocuments: documents('[{key: a, effect: NoSchedule}]'), userDocuments: documents('[]') });
  assert.deepEqual(taints['InitConfiguration'].nodeRegistration.taints, []);
});
