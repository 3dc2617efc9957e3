// `sealos gen` through the command line, and what comes of its Clusterfile when it is read again.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStore } from '../../packages/image/src/index.ts';
import { changesBetween } from '../../packages/runtime/src/changes/changes-between.ts';
import { clusterFromFlags } from '../../packages/runtime/src/cluster/from-flags.ts';
import { checkClusterfile } from '../../packages/runtime/src/cluster/read-clusterfile.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { file, makeImage } from '../support/images.ts';

ensureInstalled(['python3-yaml']);

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-gen-'));
const env = {
  ...process.env,
  SEALOS_STORAGE: join(work, 'store'),
  SEALOS_RUNTIME_ROOT: join(work, 'state'),
  HOME: work,
  SSH_AUTH_SOCK: '',
};

function call(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: work, input: '' });
  return { status, stdout, stderr };
}

function save(name: string, text: string): string {
  writeFileSync(join(work, name), text);
  return join(work, name);
}

/** A YAML stream as another program reads it, which knows YAML 1.1 as Go does. */
function readYaml(text: string) {
  const program = 'import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(sys.stdin))))';
  const { status, stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', program], { encoding: 'utf8', input: text });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

before(async () => {
  mkdirSync(env.SEALOS_RUNTIME_ROOT);
  await using store = await openStore(env.SEALOS_STORAGE);
  await makeImage(store, {
    name: 'localhost/k8s:v1.29.9',
    config: { Labels: { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version: 'v1.29.9' } },
    layers: [
      [
        file('etc/kubeadm.yml', 'apiVersion: kubeadm.k8s.io/v1beta2\nkind: ClusterConfiguration\nnetworking: {dnsDomain: image.local}\n'),
        file('statics/audit-policy.yml', 'x'),
      ],
    ],
  });
  await makeImage(store, { name: 'localhost/app:1', layers: [[file('a', 'a')]] });
});
after(() => rmSync(work, { recursive: true, force: true }));

const config = `apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
networking: {podSubnet: {{ .Values.pods }}}
apiServer: {extraArgs: [{name: v, value: "{{ .Values.level }}"}]}
---
apiVersion: apps.sealos.io/v1beta1
kind: Config
metadata: {name: app}
spec: {match: "localhost/app:1", path: values.yaml, data: "pods: {{ .Values.pods }}"}
`;
const images = ['localhost/k8s:v1.29.9', 'localhost/app:1'];
const flags = [
  '--masters',
  '10.0.0.11',
  '--nodes',
  '10.0.0.21-10.0.0.22:2222',
  '-e',
  'A=1',
  '--cluster',
  'mine',
  '-u',
  'admin',
  '--cmd',
  'true',
];

test('the Clusterfile says what the flags said, the documents merged, in the form of the version', () => {
  const { status, stdout, stderr } = call(
    'gen',
    ...images,
    ...flags,
    '--config-file',
    save('config.yaml', config),
    '--values',
    save('values.yaml', 'pods: 10.160.0.0/12\nlevel: 1\n'),
    '--set',
    'level=3',
  );
  assert.equal(stderr, '');
  assert.equal(status, 0);
  const documents = readYaml(stdout);
  assert.deepEqual(
    documents.map(({ kind, apiVersion }: Record<string, string>) => `${kind} ${apiVersion}`),
    [
      'Cluster apps.sealos.io/v1beta1',
      'Config apps.sealos.io/v1beta1',
      'ClusterConfiguration kubeadm.k8s.io/v1beta3',
      'KubeletConfiguration kubelet.config.k8s.io/v1beta1',
      'KubeProxyConfiguration kubeproxy.config.k8s.io/v1alpha1',
    ],
  );
  const [cluster, appConfig, kubeadm] = documents;
  // Every member in the form that sealos' own schema has (sealos-interop.md §4.1).
  assert.deepEqual(cluster, {
    apiVersion: 'apps.sealos.io/v1beta1',
    kind: 'Cluster',
    metadata: { name: 'mine' },
    spec: {
      image: images,
      ssh: { user: 'admin' },
      hosts: [
        { ips: ['10.0.0.11:22'], roles: ['master'] },
        { ips: ['10.0.0.21:2222', '10.0.0.22:2222'], roles: ['node'] },
      ],
      env: ['A=1'],
      command: ['true'],
    },
    status: {},
  });
  assert.equal(appConfig.spec.data, 'pods: 10.160.0.0/12');
  assert.deepEqual(kubeadm.networking, { podSubnet: '10.160.0.0/12', serviceSubnet: '10.96.0.0/22', dnsDomain: 'image.local' });
  assert.equal(kubeadm.apiServer.extraArgs.v, '3');
  assert.equal(kubeadm.apiServer.extraArgs['audit-policy-file'], '/etc/kubernetes/audit-policy.yml');
});

test('read again it is the cluster that the flags make, and generated again it is the same', () => {
  const path = join(work, 'Clusterfile');
  assert.equal(call('gen', ...images, ...flags, '-o', path).status, 0);
  const { file: read, warnings } = checkClusterfile(readFileSync(path, 'utf8'), { name: path });
  assert.deepEqual(warnings, []);
  const cluster = clusterFromFlags({
    name: 'mine',
    images,
    masters: '10.0.0.11',
    nodes: '10.0.0.21-10.0.0.22:2222',
    ssh: { user: 'admin' },
    env: ['A=1'],
    command: ['true'],
  });
  assert.deepEqual(changesBetween(read, { cluster, configs: [], kubeadm: read.kubeadm }), []);
  assert.equal(readFileSync(path, 'utf8'), call('gen', ...images, ...flags).stdout);
});

test('a password is in it only when it was given, and then the file is its owner’s alone', () => {
  const path = join(work, 'secret', 'Clusterfile');
  assert.equal(call('gen', ...images, ...flags, '-p', 'hunter22', '-e', 'registryPassword=hunter23', '-o', path).status, 0);
  const text = readFileSync(path, 'utf8');
  assert.match(text, /passwd: hunter22/);
  assert.match(text, /registryPassword=hunter23/);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.doesNotMatch(call('gen', ...images, ...flags).stdout, /passw/i);
});

for (const [what, args, message] of [
  ['no rootfs first', ['gen', 'localhost/app:1', ...flags], /^sealos: localhost\/app:1 is an application image/],
  [
    'a host twice',
    ['gen', ...images, '--masters', '10.0.0.1', '--nodes', '10.0.0.1'],
    /^sealos: 10\.0\.0\.1 is named both as master and as node/,
  ],
  ['a wrong --set', ['gen', ...images, ...flags, '--set', 'x'], /^sealos: --set x: it has no value/],
  [
    'a config file that is not there',
    ['gen', ...images, ...flags, '--config-file', '/nowhere'],
    /^sealos: --config-file \/nowhere: the file cannot be read \(ENOENT\)/,
  ],
  [
    'a place that cannot be written',
    ['gen', ...images, ...flags, '-o', '/proc/x'],
    /^sealos: \/proc\/x: the Clusterfile cannot be written \(E/,
  ],
  [
    'networks that overlap',
    ['gen', ...images, ...flags, '--config-file', 'overlap.yaml'],
    /^sealos: the pod subnet 10\.96\.0\.0\/16 and the service subnet 10\.96\.0\.0\/22 overlap/,
  ],
] as const) {
  test(`gen refuses ${what} and leaves nothing`, () => {
    save('overlap.yaml', 'apiVersion: kubeadm.k8s.io/v1beta3\nkind: ClusterConfiguration\nnetworking: {podSubnet: 10.96.0.0/16}\n');
    const before = readdirSync(work);
    const { status, stdout, stderr } = call(...args);
    assert.match(stderr, message);
    assert.deepEqual([status, stdout], [2, '']);
    assert.deepEqual(readdirSync(work), before);
    assert.deepEqual(readdirSync(env.SEALOS_RUNTIME_ROOT), []);
  });
}
