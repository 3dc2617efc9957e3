import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changesBetween } from '../changes/changes-between.ts';
import { refuseOtherOptions } from '../changes/k3s-changes.ts';
import { emptyStatus } from '../cluster/cluster.ts';
import { parseClusterfile, parseConfigFile } from '../cluster/clusterfile.ts';
import { formatClusterfile } from '../cluster/format.ts';
import { layOver } from '../cluster/lay-documents.ts';
import { parseK3sOptions } from './options.ts';

const name = 'file.yaml';

test('options of k3s are a document without a kind, kept in the Clusterfile and read again', () => {
  const { k3s } = parseConfigFile('cluster-cidr: 10.77.0.0/16\n---\nnode-label: [a=b]\n', { name });
  assert.deepEqual(k3s, { 'cluster-cidr': '10.77.0.0/16', 'node-label': ['a=b'] });
  const cluster = { name: 'default', images: ['k3s:1'], ssh: {}, hosts: [], env: new Map(), command: [], status: emptyStatus };
  const file = { cluster, configs: [], kubeadm: [], ...(k3s && { k3s }) };
  const read = parseClusterfile(formatClusterfile(file), { name });
  assert.deepEqual(read.k3s, k3s);
  assert.deepEqual(changesBetween(file, read), []);
  assert.deepEqual(layOver(file, { configs: [], kubeadm: [], k3s: { 'node-label': ['c=d'] } }).k3s, { ...k3s, 'node-label': ['c=d'] });
});

test('options that sealos sets, secrets, and what is no option are refused, with file and line and never with the value', () => {
  const refused = (text: string, pattern: RegExp) =>
    assert.throws(
      () => parseConfigFile(text, { name }),
      (error: Error & { exitCode?: number }) => {
        assert.match(error.message, pattern);
        assert.doesNotMatch(error.message, /hunter2/);
        assert.equal(error.exitCode, 2);
        return true;
      },
    );
  refused('disable: [traefik]\ntoken: hunter2\n', /file\.yaml:2: .*sealos itself sets k3s' option token/);
  for (const key of ['server', 'cluster-init', 'data-dir', 'https-listen-port', 'node-name'])
    refused(`${key}: hunter2\n`, /sealos itself sets/);
  for (const key of ['etcd-s3-secret-key', 'etcd-s3-access-key', 'vpn-auth']) refused(`debug: true\n${key}: hunter2\n`, /is a secret/);
  refused('debug: true\nClusterDNS: hunter2\n', /'ClusterDNS' is no option of k3s/);
  refused('kube-proxy: hunter2\n', /kind is missing/);
  parseConfigFile('vpn-auth-file: /etc/vpn\netcd-s3-config-secret: one\nsecrets-encryption: true\n', { name });
});

test("an image's etc/k3s.yml is one document", () => {
  assert.deepEqual(parseK3sOptions('# nothing\n', name), {});
  assert.throws(() => parseK3sOptions('debug: true\n---\nv: 2\n', name), { code: 'bad-k3s-option' });
  assert.throws(() => parseK3sOptions('agent-token: x\n', name), { code: 'bad-k3s-option' });
});

test('other options of a cluster that stands are told, and refused', () => {
  const cluster = { name: 'default', images: ['k3s:1'], ssh: {}, hosts: [], env: new Map(), command: [], status: emptyStatus };
  const file = (k3s?: Record<string, unknown>) => ({ cluster, configs: [], kubeadm: [], ...(k3s && { k3s }) });
  const [change, ...others] = changesBetween(file({ debug: true, v: 1 }), file({ debug: true, v: 2 }));
  assert.deepEqual([change?.kind, change?.subject, change?.from, change?.to, others], ['k3s', 'v', '1', '2', []]);
  assert.throws(() => refuseOtherOptions({ v: 1 }, { v: 2 }, 'default'), {
    message: /v \(1 -> 2\): k3s keeps .*config\.yaml\.d/,
    exitCode: 2,
  });
  refuseOtherOptions({ v: 1 }, { v: 1 }, 'default');
  assert.equal(changesBetween(file(), file({ debug: true }))[0]?.action, 'add');
  assert.deepEqual(changesBetween(file(), file({ 'flannel-backend': 'vxlan' })), [], 'written down, it is what was anyhow');
});
