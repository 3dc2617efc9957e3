import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Host, HostFile } from '../host/host.ts';
import { hostLayout } from '../layout.ts';
import { parseKubeconfig } from '../pki/kubeconfig.ts';
import { ensurePki } from '../pki/pki.ts';
import { newIdentities } from './identities.ts';
import { kubeadmUpgradeStep } from './kubeadm-step.ts';

const home = mkdtempSync(join(tmpdir(), 'sealos-identities-'));
let files: ReadonlyMap<string, readonly HostFile[]>;
before(async () => {
  const masters = ['10.0.0.1', '10.0.0.2'].map((ip) => ({ ip, nodeName: `m${ip.at(-1)}` }));
  files = (await ensurePki(home, { masters, version: 'v1.29.3', vip: '10.103.97.2', serviceSubnet: '10.96.0.0/22' })).files;
});
after(() => rmSync(home, { recursive: true, force: true }));
const own = (ip: string) => files.get(ip) ?? [];

test('the super administrator is on the first control plane alone', () => {
  const paths = (ip: string) => own(ip).map(({ path }) => path);
  assert.ok(paths('10.0.0.1').includes('/etc/kubernetes/super-admin.conf'));
  assert.ok(!paths('10.0.0.2').includes('/etc/kubernetes/super-admin.conf'));
});

test('an upgrade over 1.29 brings every control plane the certificates of the new groups, and no other upgrade does', () => {
  const identities = newIdentities({ from: 'v1.28.15', to: 'v1.29.3' }, own('10.0.0.2'));
  const groups = identities.flatMap(({ path, content }) => {
    const pem = path.endsWith('.crt')
      ? String(content)
      : path.endsWith('.conf')
        ? parseKubeconfig(String(content))?.client.cert
        : undefined;
    return pem === undefined ? [] : [`${path.replace('/etc/kubernetes/', '')}: ${new X509Certificate(pem).subject.split('\n').join(' ')}`];
  });
  assert.deepEqual(groups.sort(), [
    'admin.conf: O=kubeadm:cluster-admins CN=kubernetes-admin',
    'pki/apiserver-etcd-client.crt: CN=kube-apiserver-etcd-client',
    'pki/apiserver-kubelet-client.crt: O=kubeadm:cluster-admins CN=kube-apiserver-kubelet-client',
    'pki/etcd/healthcheck-client.crt: CN=kube-etcd-healthcheck-client',
  ]);
  assert.equal(identities.length, 7, 'each certificate with its key');
  for (const [from, to] of [
    ['v1.27.1', 'v1.28.0'],
    ['v1.29.0', 'v1.29.3'],
    ['v1.29.3', 'v1.30.0'],
  ] as const)
    assert.deepEqual(newIdentities({ from, to }, own('10.0.0.1')), []);
});

test('they lie there before kubeadm starts the API server of the new version', async () => {
  const order: string[] = [];
  const host = {
    address: { ip: '10.0.0.2', port: 22 },
    name: 'm2',
    writeFiles: async (written: readonly HostFile[]) => void order.push(`${written.length} files`),
    run: async (line: { readonly text: string }) => {
      order.push(/kubeadm upgrade \w+/.exec(line.text.replaceAll("'", '').replaceAll(/\S*\/bin\//g, ''))?.[0] ?? line.text);
      return { stdout: '', stderr: '', exitCode: 0 };
    },
  } as unknown as Host;
  const step = kubeadmUpgradeStep({
    layout: hostLayout('default', '/var/lib/sealos'),
    address: host.address,
    needs: [],
    target: { to: 'v1.29.3', digest: '' },
    first: false,
    identities: newIdentities({ from: 'v1.28.15', to: 'v1.29.3' }, own('10.0.0.2')),
    skipPhases: [],
    timeout: undefined,
  });
  await step.apply(host, { signal: new AbortController().signal, onLine: () => {}, onBytes: () => {} });
  assert.deepEqual(order, ['7 files', 'kubeadm upgrade node']);
});
