import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Clusterfile } from '../cluster/cluster.ts';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import { parseKubeadmDocuments } from '../kubeadm/document.ts';
import { standardDocuments } from '../kubeadm/standard.ts';
import { changesBetween, refuseImpossible } from './changes-between.ts';
import { formatChanges } from './format-changes.ts';

const base = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  image: [labring/kubernetes:v1.29.9, labring/helm:v3.9.4, labring/calico:v3.24.6]
  ssh: {user: root, pk: /root/.ssh/id_rsa}
  hosts:
    - {ips: [10.0.0.11], roles: [master, amd64]}
    - {ips: [10.0.0.21, 10.0.0.22], roles: [node], env: [A=1, apiToken=hunter22]}
  env: [registryPassword=hunter22, B=1]
status:
  phase: ClusterSuccess
  mounts: [{name: k, type: rootfs, imageName: "labring/kubernetes:v1.29.9"}, {name: c, imageName: "labring/calico:v3.24.6"}]
---
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
networking: {podSubnet: 10.160.0.0/12}
apiServer: {certSANs: [a.example], extraArgs: {v: "1"}}
---
apiVersion: apps.sealos.io/v1beta1
kind: Config
metadata: {name: calico}
spec: {match: labring/calico:v3.24.6, path: charts/values.yaml, strategy: merge, data: "a: 1\\nb: hunter22\\n"}
`;

const parse = (text: string): Clusterfile => parseClusterfile(text, { name: 'C' });
/** The base with texts in it replaced. */
const but = (...replacements: readonly (readonly [string, string])[]) =>
  parse(
    replacements.reduce((text, [from, to]) => {
      assert.ok(text.includes(from), from);
      return text.replace(from, to);
    }, base),
  );
const changes = (...replacements: readonly (readonly [string, string])[]) => changesBetween(parse(base), but(...replacements));
const shown = (...replacements: readonly (readonly [string, string])[]) => formatChanges(changes(...replacements));

test('nothing differs from itself, whatever was done, whatever is never stored and whatever order words have', () => {
  assert.equal(shown(), '');
  assert.deepEqual(
    changes(
      ['creationTimestamp: "2026-01-01T00:00:00Z"', 'labels: {x: y}'],
      ['pk: /root/.ssh/id_rsa', 'pk: /root/.ssh/id_rsa, passwd: hunter22, pkPasswd: x'],
      ['[master, amd64]', '[amd64, master]'],
      ['phase: ClusterSuccess', 'phase: ClusterFailed'],
      ['spec: {match', 'spec: {future: 1, match'],
    ),
    [],
  );
});

test('images come, go and are replaced by another tag of theirs', () => {
  assert.equal(
    shown(
      ['kubernetes:v1.29.9, labring/helm:v3.9.4,', 'kubernetes:v1.30.1, localhost/app:1,'],
      ['labring/calico:v3.24.6]', 'docker.io/labring/calico:v3.25.0]'],
    ),
    `images:
  - labring/helm:v3.9.4   (what it did to the cluster stays)
  ~ docker.io/labring/kubernetes: labring/kubernetes:v1.29.9 -> labring/kubernetes:v1.30.1   (upgrades the cluster)
  + localhost/app:1
  ~ docker.io/labring/calico: labring/calico:v3.24.6 -> docker.io/labring/calico:v3.25.0   (runs the new one in its place)`,
  );
  assert.match(
    shown(['[labring/kubernetes:v1.29.9, labring/helm:v3.9.4,', '[labring/helm:v3.9.4, labring/kubernetes:v1.29.9,']),
    /~ order: /,
  );
  assert.match(
    shown(['labring/kubernetes:v1.29.9, ', '']),
    /! labring\/kubernetes:v1\.29\.9 {3}\(not on a cluster that stands: a cluster needs its rootfs image\)/,
  );
});

test('hosts come and go, change roles, port, login and environment', () => {
  assert.equal(
    shown(
      [
        '[10.0.0.21, 10.0.0.22], roles: [node], env: [A=1, apiToken=hunter22]',
        '["10.0.0.21:2222", 10.0.0.23], roles: [node, registry], env: [A=2, apiToken=other], ssh: {user: admin, passwd: hunter22}',
      ],
      ['user: root', 'user: ubuntu'],
    ),
    `hosts:
  - 10.0.0.22   (node)
  ~ 10.0.0.21 roles: node -> node, registry
  + 10.0.0.23   (node, registry)
login:
  ~ 10.0.0.21 port: 10.0.0.21:22 -> 10.0.0.21:2222
  + 10.0.0.21 user: admin
  ~ all hosts user: root -> ubuntu
environment:
  ~ 10.0.0.21 A: 1 -> 2
  ~ 10.0.0.21 apiToken: *** -> ***`,
  );
  assert.match(
    shown(['roles: [node]', 'roles: [master]']),
    /! 10\.0\.0\.21 roles: node -> master {3}\(not on a cluster that stands: a host does not change between/,
  );
});

test('variables of the cluster and of images are told by their names, secrets without their values', () => {
  const [from, to] = [
    parse(base),
    but(['registryPassword=hunter22, B=1', 'registryPassword=other22, C=x'], ['env: [registry', 'command: [a, b]\n  env: [registry']),
  ];
  const given = {
    before: new Map([['labring/helm:v3.9.4', new Map([['X', '1']])]]),
    now: new Map([
      [
        'labring/helm:v3.9.4',
        new Map([
          ['X', '2'],
          ['dbPassword', 'hunter22'],
        ]),
      ],
    ]),
  };
  const text = formatChanges(changesBetween(from, to, { given }));
  assert.equal(
    text,
    `environment:
  ~ cluster registryPassword: *** -> ***
  - cluster B: 1
  + cluster C: x
  ~ labring/helm:v3.9.4 X: 1 -> 2
  + labring/helm:v3.9.4 dbPassword: ***
command:
  + spec.command: a; b`,
  );
});

test('members of kubeadm documents are told by their paths, with what changing them does', () => {
  assert.equal(
    shown(
      [
        'certSANs: [a.example], extraArgs: {v: "1"}',
        'certSANs: [b.example, a.example], extraArgs: {v: "2", x: "y"}, extraVolumes: [{name: n, hostPath: /n, mountPath: /n}]',
      ],
      [
        '---\napiVersion: apps',
        '---\napiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nmaxPods: 200\n---\napiVersion: apps',
      ],
    ),
    `kubeadm documents:
  + ClusterConfiguration apiServer.certSANs.b.example: b.example   (makes the API server's or etcd's certificates anew)
  ~ ClusterConfiguration apiServer.extraArgs.v: 1 -> 2   (restarts the control plane's parts, one host after the other)
  + ClusterConfiguration apiServer.extraArgs.x: y   (restarts the control plane's parts, one host after the other)
  + ClusterConfiguration apiServer.extraVolumes.n.hostPath: /n   (restarts the control plane's parts, one host after the other)
  + ClusterConfiguration apiServer.extraVolumes.n.mountPath: /n   (restarts the control plane's parts, one host after the other)
  + KubeletConfiguration maxPods: 200   (restarts every kubelet)`,
  );
});

test('what is decided when a cluster is made is refused, all of it at once, with old and new', () => {
  const all = changes(
    [
      'networking: {podSubnet: 10.160.0.0/12}',
      'networking: {podSubnet: 10.1.0.0/16, serviceSubnet: 10.2.0.0/16, dnsDomain: a.b}\netcd: {external: {endpoints: [https://e:2379]}}',
    ],
    ['roles: [node]', 'roles: [master]'],
  );
  assert.throws(() => refuseImpossible(all, 'default'), {
    exitCode: 2,
    code: 'impossible-change',
    message: `cluster default stands and cannot be changed in this:
  10.0.0.21 roles (node -> master): a host does not change between control plane and worker: take it out, then add it
  10.0.0.22 roles (node -> master): a host does not change between control plane and worker: take it out, then add it
  ClusterConfiguration etcd.external.endpoints (nothing -> ["https://e:2379"]): it is decided when the cluster is made
  ClusterConfiguration networking.dnsDomain (nothing -> a.b): it is decided when the cluster is made
  ClusterConfiguration networking.podSubnet (10.160.0.0/12 -> 10.1.0.0/16): it is decided when the cluster is made
  ClusterConfiguration networking.serviceSubnet (nothing -> 10.2.0.0/16): it is decided when the cluster is made`,
  });
  refuseImpossible(changes(['v: "1"', 'v: "2"']), 'default');
});

test('documents of another version that say the same, and defaults that are written down, are no change', () => {
  const same = but(
    ['kubeadm.k8s.io/v1beta3', 'kubeadm.k8s.io/v1beta4'],
    ['extraArgs: {v: "1"}', 'extraArgs: [{name: v, value: 1}]'],
    [
      'networking: {podSubnet: 10.160.0.0/12}',
      'networking: {podSubnet: 10.160.0.0/12, serviceSubnet: 10.96.0.0/22}\nscheduler: {extraArgs: [{name: bind-address, value: 0.0.0.0}]}',
    ],
  );
  const kubeadmBase = standardDocuments({ version: 'v1.29.9', imageDocuments: [], auditPolicy: true, master: '10.0.0.11' });
  assert.deepEqual(changesBetween(parse(base), same, { kubeadmBase }), []);
  assert.equal(changesBetween(parse(base), same).length, 2);
  // The state says which version it is, so that a generated Clusterfile is no change.
  const [from] = [parse(base.replace('type: rootfs,', 'type: rootfs, labels: {version: v1.29.9},'))];
  assert.deepEqual(changesBetween(from, same), []);
});

test('secrets in kubeadm documents are not shown', () => {
  const documents = parseKubeadmDocuments(
    'apiVersion: kubeadm.k8s.io/v1beta3\nkind: InitConfiguration\ncertificateKey: hunter22\nbootstrapTokens: [{token: hunter22.x, ttl: 1h}]\nnodeRegistration: {kubeletExtraArgs: {client-secret: hunter22}}\n',
    'x',
  );
  const file = parse(base);
  const text = formatChanges(changesBetween(file, { ...file, kubeadm: [...file.kubeadm, ...documents] }));
  assert.doesNotMatch(text, /hunter22/);
  assert.match(text, /certificateKey: \*\*\*/);
});

test('Configs come, go and change; of their data only the lines are counted', () => {
  const text = shown(
    [
      'metadata: {name: calico}',
      'metadata: {name: other}\nspec: {path: etc/x}\n---\napiVersion: apps.sealos.io/v1beta1\nkind: Config\nmetadata: {name: calico}',
    ],
    ['strategy: merge, data: "a: 1', 'strategy: append, data: "a: 2\\nc: 3'],
  );
  assert.equal(
    text,
    'Configs:\n  + other   (etc/x of every image)\n  ~ calico   (strategy merge -> append; data: 2 lines added, 1 removed)',
  );
  const file = parse(base);
  assert.equal(
    formatChanges(changesBetween(file, { ...file, configs: [] })),
    'Configs:\n  - calico   (charts/values.yaml of labring/calico:v3.24.6)',
  );
});

test('changes are plain data', () => {
  const list = changes(['v: "1"', 'v: "2"']);
  assert.deepEqual(JSON.parse(JSON.stringify(list)), [
    {
      kind: 'kubeadm',
      action: 'change',
      subject: 'ClusterConfiguration apiServer.extraArgs.v',
      from: '1',
      to: '2',
      note: "restarts the control plane's parts, one host after the other",
      effect: 'control-plane',
    },
  ]);
});
