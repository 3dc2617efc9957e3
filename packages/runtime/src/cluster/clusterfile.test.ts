import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterHosts, registryHosts, workers } from './cluster.ts';
import { parseClusterfile, parseConfigFile } from './clusterfile.ts';
import { formatClusterfile } from './format.ts';
import { clusterFromFlags, validateCluster } from './from-flags.ts';

const parse = (text: string, values?: Record<string, string>) =>
  parseClusterfile(text, { name: 'Clusterfile', ...(values ? { values } : {}) });

const full = `---
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
networking: {podSubnet: 10.160.0.0/12}
---
# a Config before the Cluster
apiVersion: apps.sealos.io/v1beta1
kind: Config
metadata: {name: calico}
spec:
  match: docker.io/labring/calico:v3.24.6
  path: charts/calico/values.yaml
  strategy: merge
  data: |
    a: 1
---
apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default, creationTimestamp: null}
spec:
  image: [labring/kubernetes:v1.29.9, labring/helm:v3.9.4]
  ssh: {user: root, passwd: hunter22, pk: /root/.ssh/id_rsa, port: 2222}
  hosts:
    - {ips: ["10.0.0.11:22"], roles: [master, amd64]}
    - {ips: ["10.0.0.21", "10.0.0.22:23"], roles: [node, gpu], env: ["criData=/data/containerd", "X=a=b"], ssh: {port: 24, pkData: KEY}}
    - {ips: ["10.0.0.31"], roles: [node, registry]}
  env: ["registryPassword=hunter22", "A=1"]
  command: ["true"]
status:
  phase: ClusterSuccess
  mounts:
    - {name: default-abc, type: rootfs, imageName: labring/kubernetes:v1.29.9, env: {A: "1", dbPassword: hunter22}, labels: {version: v1.29.9}}
  conditions: [{type: ApplyClusterSuccess, status: "True"}]
  commandCondition: [{type: ApplyCommandError, status: "False", images: [x], message: m}]
`;

test('documents are taken in any order, with roles that nobody knows and ports of their own', () => {
  const { cluster, configs, kubeadm } = parse(full);
  assert.deepEqual(kubeadm, [
    { kind: 'ClusterConfiguration', apiVersion: 'kubeadm.k8s.io/v1beta3', content: { networking: { podSubnet: '10.160.0.0/12' } } },
  ]);
  assert.equal(configs[0]?.data, 'a: 1\n');
  assert.deepEqual(cluster.images, ['labring/kubernetes:v1.29.9', 'labring/helm:v3.9.4']);
  assert.deepEqual(
    clusterHosts(cluster).map(({ address, roles }) => `${address.ip}:${address.port} ${roles.join('+')}`),
    ['10.0.0.11:22 master+amd64', '10.0.0.21:24 node+gpu', '10.0.0.22:23 node+gpu', '10.0.0.31:2222 node+registry'],
  );
  assert.deepEqual(
    [...(cluster.hosts[1]?.env ?? [])],
    [
      ['criData', '/data/containerd'],
      ['X', 'a=b'],
    ],
  );
  assert.equal(workers(cluster).length, 3);
  assert.deepEqual(
    registryHosts(cluster).map(({ address }) => address.ip),
    ['10.0.0.31'],
  );
  assert.equal(clusterHosts(cluster)[1]?.ssh.user, 'root');
  assert.equal(cluster.status.phase, 'ClusterSuccess');
  assert.equal(cluster.status.commandConditions[0]?.message, 'm');
});

test('what is written has no secrets and reads back as the rest', () => {
  const file = parse(full);
  const text = formatClusterfile(file);
  assert.doesNotMatch(text, /hunter22|KEY|passwd|pkData/);
  const again = parse(text);
  assert.deepEqual(again.configs, file.configs);
  assert.deepEqual(again.kubeadm, file.kubeadm);
  assert.deepEqual([...again.cluster.env], [['A', '1']]);
  assert.deepEqual(again.cluster.hosts[1]?.ssh, { port: 24 });
  assert.deepEqual(again.cluster.status.mounts[0], { ...file.cluster.status.mounts[0], env: new Map([['A', '1']]) });
  assert.equal(formatClusterfile(again), text);
});

const head = 'apiVersion: apps.sealos.io/v1beta1\nkind: Cluster\nmetadata: {name: x}\n';

test('one image may be a bare string, and a cluster may have no status', () => {
  assert.deepEqual(parse(`${head}spec:\n  image: a\n`).cluster.images, ['a']);
});

test('a Clusterfile is a template over its values, and stored state is not', () => {
  const text = `${head}spec:\n  image: {{ .Values.image | quote }}\n  env: ["A={{ env "HOME" }}"]\n`;
  const { cluster } = parse(text, { image: 'k:v1' });
  assert.deepEqual(cluster.images, ['k:v1']);
  assert.equal(cluster.env.get('A'), '');
  assert.equal(parseClusterfile(text, { name: 'x', values: {}, environment: { HOME: '/root' } }).cluster.env.get('A'), '/root');
  assert.deepEqual(parse(`${head}spec:\n  image: "{{ x }}"\n`).cluster.images, ['{{ x }}']);
});

for (const [what, text, message] of [
  ['an unknown kind', `${head}spec: {}\n---\napiVersion: v1\nkind: Pod\n`, /^Clusterfile:7: document 2: kind 'Pod' is not known$/],
  ['no kind', 'a: 1', /^Clusterfile:1: document 1: kind is missing$/],
  ['no Cluster', '', /^Clusterfile: no document is of kind Cluster$/],
  ['two Clusters', `${head}spec: {}\n---\n${head}spec: {}\n`, /^Clusterfile:6: document 2: a second Cluster$/],
  ['another API version', head.replace('v1beta1', 'v2'), /^Clusterfile:1: document 1: apiVersion of Cluster is 'apps\.sealos\.io\/v2'/],
  ['broken YAML', `${head}spec: {a: [}\n`, /^Clusterfile:4: document 1: /],
  ['no spec', head, /^Clusterfile:1: document 1: spec is missing$/],
  [
    'a host that is no address',
    `${head}spec:\n  hosts:\n    - {ips: [h1], roles: [master]}\n`,
    /^Clusterfile:6: document 1: 'h1' is not an IP address$/,
  ],
  [
    'a host twice in a group',
    `${head}spec:\n  hosts:\n    - {ips: [10.0.0.1, 10.0.0.1], roles: [master]}\n`,
    /^Clusterfile:6: document 1: 10\.0\.0\.1 is named twice/,
  ],
  ['hosts without roles', `${head}spec:\n  hosts:\n    - ips: []\n`, /^Clusterfile:6: document 1: spec\.hosts\.0\.roles is missing$/],
  ['images that are no text', `${head}spec:\n  image: [{a: 1}]\n`, /^Clusterfile:5: document 1: spec\.image/],
  ['an assignment without =', `${head}spec:\n\n  env: [A]\n`, /^Clusterfile:6: document 1: env: an assignment has no '='$/],
  [
    'a Config that leaves the image',
    'apiVersion: apps.sealos.io/v1beta1\nkind: Config\nspec: {path: ../x}\n',
    /^Clusterfile:3: document 1: path '\.\.\/x' leaves the image$/,
  ],
  [
    'a kubeadm API that is too old',
    'apiVersion: kubeadm.k8s.io/v1alpha3\nkind: InitConfiguration\n',
    /^Clusterfile:2: document 1: apiVersion 'kubeadm\.k8s\.io\/v1alpha3' of InitConfiguration is not supported$/,
  ],
] as const) {
  test(`a Clusterfile with ${what} is refused in one line that says where`, () =>
    assert.throws(() => parse(text), { message, exitCode: 2 }));
}

test('a template error says where', () => {
  assert.throws(() => parse('a\n{{ .Values.x | nofunction }}', {}), { message: /^Clusterfile:2: /, exitCode: 2 });
});

test('a config file holds no Cluster', () => {
  assert.throws(() => parseConfigFile(`${head}spec: {}`, { name: 'c.yml' }), {
    message: /^c\.yml:1: document 1: a Cluster has no place here$/,
  });
  assert.equal(parseConfigFile(full.slice(0, full.indexOf('kind: Cluster\n') - 40), { name: 'c' }).configs.length, 1);
});

const flags = { name: 'default', images: ['k'], ssh: { port: 2222 } };

test('flags make the cluster that they say', () => {
  const cluster = clusterFromFlags({ ...flags, masters: '10.0.0.1', nodes: '10.0.0.2-10.0.0.3:23', env: ['A=1'] });
  assert.deepEqual(
    clusterHosts(cluster).map(({ address, roles }) => `${address.ip}:${address.port} ${roles}`),
    ['10.0.0.1:2222 master', '10.0.0.2:23 node', '10.0.0.3:23 node'],
  );
  assert.equal(cluster.env.get('A'), '1');
});

for (const [what, masters, nodes, message] of [
  ['no master', '', '10.0.0.1', 'cluster default has no control-plane host'],
  ['a host as master and as node', '10.0.0.1', '10.0.0.1:23', '10.0.0.1 is named both as master and as node'],
  ['a node twice', '10.0.0.1', '10.0.0.2,10.0.0.2', "10.0.0.2 is named twice in '10.0.0.2,10.0.0.2'"],
] as const) {
  test(`flags with ${what} are refused`, () =>
    assert.throws(() => clusterFromFlags({ ...flags, masters, nodes }), { message, exitCode: 2 }));
}

test('a registry host that is neither master nor node is refused, and so is a bad name', () => {
  const cluster = clusterFromFlags({ ...flags, masters: '10.0.0.1' });
  const group = { ips: [{ ip: '10.0.0.9', port: 22 }], roles: ['registry'], env: new Map() };
  assert.throws(() => validateCluster({ ...cluster, hosts: [...cluster.hosts, group] }), {
    message: /^10\.0\.0\.9 is neither master nor node/,
  });
  assert.throws(() => validateCluster({ ...cluster, hosts: [...cluster.hosts, ...cluster.hosts] }), { message: '10.0.0.1 is named twice' });
  assert.throws(() => clusterFromFlags({ ...flags, name: '../x', masters: '10.0.0.1' }), { exitCode: 2 });
});

test("a group's own key and password go with nothing of the cluster's; the names of secret files and jump hosts are stored, secrets are not", () => {
  const { cluster } = parseClusterfile(
    `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: x}
spec:
  ssh: {user: admin, pkData: KEY, pkPasswd: words, passwd: one, proxyJump: "ops@gate:2222,[fd00::1]:23"}
  hosts:
    - {ips: [10.0.0.1], roles: [master]}
    - {ips: [10.0.0.2], roles: [node], ssh: {pk: /own, proxyJump: none}}
    - {ips: [10.0.0.3], roles: [node], ssh: {passwdFile: /two}}
`,
    { name: 'Clusterfile' },
  );
  const [first, second, third] = clusterHosts(cluster).map(({ ssh }) => ssh);
  const jump = 'ops@gate:2222,[fd00::1]:23';
  assert.deepEqual(first, { user: 'admin', pkData: 'KEY', pkPasswd: 'words', passwd: 'one', proxyJump: jump });
  assert.deepEqual(second, { user: 'admin', passwd: 'one', pk: '/own', proxyJump: 'none' });
  assert.deepEqual(third, { user: 'admin', pkData: 'KEY', pkPasswd: 'words', passwdFile: '/two', proxyJump: jump });
  const text = formatClusterfile({ cluster, configs: [], kubeadm: [] });
  const again = clusterHosts(parseClusterfile(text, { name: 'stored' }).cluster).map(({ ssh }) => ssh);
  assert.deepEqual(again, [
    { user: 'admin', proxyJump: jump },
    { user: 'admin', pk: '/own', proxyJump: 'none' },
    { user: 'admin', passwdFile: '/two', proxyJump: jump },
  ]);
  assert.throws(
    () =>
      parseClusterfile('apiVersion: apps.sealos.io/v1beta1\nkind: Cluster\nmetadata: {name: x}\nspec: {ssh: {proxyJump: "a:b:c"}}\n', {
        name: 'Clusterfile',
      }),
    /proxyJump.*is not \[USER@\]HOST\[:PORT\]/,
  );
});
