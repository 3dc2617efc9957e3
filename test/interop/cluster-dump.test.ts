import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterDump, compareClusterDump } from '../support/cluster-dump.ts';
import { withoutChance } from '../support/cluster-dump-chance.ts';
import { parseClusterHost } from '../support/cluster-dump-host.ts';

const metadata = (name: string, namespace?: string) => ({
  name,
  ...(namespace === undefined ? {} : { namespace }),
  uid: crypto.randomUUID(),
  resourceVersion: String(Math.random()),
  creationTimestamp: new Date().toISOString(),
});

/** A small cluster as the API gives it, with everything by chance that a real one has. */
function cluster(change: { readonly taint?: boolean; readonly image?: string; readonly secretKey?: string } = {}) {
  const random = () => Math.random().toString(36).slice(2, 7).padEnd(5, 'x');
  const node = {
    kind: 'Node',
    metadata: metadata('h1'),
    spec: {
      podCIDR: `100.64.${Math.floor(Math.random() * 9)}.0/24`,
      ...(change.taint ? { taints: [{ key: 'out', effect: 'NoSchedule' }] } : {}),
    },
    status: {
      conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date().toISOString() }],
      nodeInfo: { bootID: random(), kubeletVersion: 'v1.20.2' },
    },
  };
  const workload = {
    kind: 'Deployment',
    metadata: metadata('web', 'default'),
    spec: { replicas: 2, image: change.image ?? 'web:1' },
    status: { readyReplicas: 2 },
  };
  const service = {
    kind: 'Service',
    metadata: metadata('web', 'default'),
    spec: {
      clusterIP: `10.96.1.${Math.floor(Math.random() * 250)}`,
      ports: [{ port: 80, nodePort: 30000 + Math.floor(Math.random() * 2000) }],
    },
  };
  const secret = {
    kind: 'Secret',
    metadata: metadata(`default-token-${random()}`, 'default'),
    type: 'x',
    data: { [change.secretKey ?? 'token']: random() },
  };
  const pods = [0, 1].map(() => ({
    kind: 'Pod',
    metadata: { ...metadata(`web-5d4f-${random()}`, 'default'), ownerReferences: [{ kind: 'ReplicaSet', name: 'web-5d4f' }] },
    spec: { nodeName: 'h1' },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
  }));
  return async (args: readonly string[]) => {
    if (args[0] === 'api-resources') return 'nodes\nsecrets\nservices\nevents\nleases.coordination.k8s.io\ndeployments.apps\n';
    const items = args[1] === 'pods' ? pods : [node, workload, service, secret];
    assert.ok(args[1] === 'pods' || args[1] === 'nodes,secrets,services,deployments.apps', 'what passes is not asked for');
    return JSON.stringify({ kind: 'List', items });
  };
}

const dump = (change = {}) => clusterDump({ kubectl: cluster(change) });

test('two equal clusters have equal text, whatever the API server made up for each', async () => {
  assert.deepEqual(compareClusterDump(await dump(), await dump()), []);
});

test('a taint, another image, another key of a secret: each is a difference', async () => {
  assert.deepEqual(compareClusterDump(await dump(), await dump({ taint: true })), [
    '+ Node h1 spec.taints[0].effect = NoSchedule',
    '+ Node h1 spec.taints[0].key = out',
  ]);
  assert.deepEqual(
    compareClusterDump(await dump(), await dump({ image: 'web:2' })),
    ['+ Deployment default/web spec.image = web:2', '- Deployment default/web spec.image = web:1'].sort((a, b) =>
      a.slice(2) < b.slice(2) ? -1 : 1,
    ),
  );
  assert.deepEqual(compareClusterDump(await dump(), await dump({ secretKey: 'other' })), [
    '+ Secret default/default-token-* holds other',
    '- Secret default/default-token-* holds token',
  ]);
});

test('keys, tokens, passwords and times are reduced to their kinds', () => {
  const pem = '-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----';
  const text = `token: oq87ph.4rt0zi0snqzf05cm
client-key-data: ${Buffer.from(pem).toString('base64')}
registryPassword: hunter22
  htpasswd:
    realm: x
Authorization = "Basic YWRtaW46aHVudGVyMjI="
at 2026-11-21T11:20:13Z ${pem}`;
  assert.equal(
    withoutChance(text),
    `token: <bootstrap token>
client-key-data: <PEM in base64>
registryPassword: <secret>
  htpasswd:
    realm: x
Authorization = "Basic <login>"
at <time> <RSA PRIVATE KEY>`,
  );
});

test("a host's lines tell a missing name, and what runs without the API knowing of it", () => {
  const file = (path: string, text: string) => `text\t${path} 644 0:0 ${Buffer.from(text).toString('base64')}\n`;
  const whole = parseClusterHost(
    `hosts\t127.0.0.1 localhost\nhosts\t10.0.0.1 sealos.hub # sealos\nveths\t3\nsandboxes\t7\n${file('/etc/x', 'a\n\nb\n')}shared\tca.key abc\n`,
  );
  const less = parseClusterHost(`hosts\t127.0.0.1 localhost\nveths\t4\nsandboxes\t7\n${file('/etc/x', 'a\n')}shared\tca.key abd\n`);
  assert.deepEqual(compareClusterDump(whole.lines, less.lines), ['- file /etc/x | b', '- hosts 10.0.0.1 sealos.hub # sealos']);
  assert.deepEqual([whole.veths, less.veths, whole.sandboxes], [3, 4, 7]);
  assert.notEqual(whole.shared.get('ca.key'), less.shared.get('ca.key'));
});

test('the order in which etcd tells its members is chance, and which they are is not', () => {
  const flag = (...members: readonly string[]) => withoutChance(`    - --initial-cluster=${members.join(',')}`);
  assert.equal(flag('h1=https://10.0.0.1:2380', 'h2=https://10.0.0.2:2380'), flag('h2=https://10.0.0.2:2380', 'h1=https://10.0.0.1:2380'));
  assert.notEqual(flag('h1=https://10.0.0.1:2380'), flag('h2=https://10.0.0.2:2380'));
});
