import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { generateKey, issueCa, issueCertificate, privateKeyPem } from './certificate.ts';
import { parseKubeconfig } from './kubeconfig.ts';
import { rememberAdminGroups } from './operator-files.ts';
import { ensurePki, type Pki, type PkiOptions } from './pki.ts';
import { takeOverPki } from './take-over.ts';

const options: PkiOptions = {
  masters: [{ ip: '10.0.0.11', nodeName: 'm0' }],
  version: 'v1.28.0',
  vip: '10.103.97.2',
  serviceSubnet: '10.96.0.0/22',
};

let home: string;
before(async () => {
  home = mkdtempSync(join(tmpdir(), 'sealos-pki-unit-'));
  await ensurePki(home, options);
});
after(() => rmSync(home, { recursive: true, force: true }));

// In this file each test finds a home that is right and leaves it so.

test('a second call changes nothing and returns the same files', async () => {
  const [first, second] = [await ensurePki(home, options), await ensurePki(home, options)];
  assert.deepEqual(second.changed, []);
  assert.deepEqual(second.files, first.files);
});

test('a new name makes only the API server certificate anew, and a name less makes none', async () => {
  const changed = async (extraSans: string[]) => (await ensurePki(home, { ...options, extraSans })).changed;
  assert.deepEqual(await changed(['api.example.org']), ['pki/apiserver.crt', 'pki/apiserver.key']);
  assert.deepEqual(await changed([]), []);
});

test('a control-plane host that joins gets its own serving certificates, and those of the first stay', async () => {
  const masters = [...options.masters, { ip: '10.0.0.12', nodeName: 'm1' }];
  const { changed } = await ensurePki(home, { ...options, masters, extraSans: ['10.0.0.11', '10.0.0.12'] });
  assert.deepEqual(
    changed,
    ['apiserver', 'etcd/peer', 'etcd/server'].flatMap((path) => [`pki/hosts/m1/${path}.crt`, `pki/hosts/m1/${path}.key`]),
  );
});

test('a host keeps its certificates when another becomes the first, and finds them again when it comes back', async () => {
  const [m0, m1, m9] = [
    { ip: '10.0.0.11', nodeName: 'm0' },
    { ip: '10.0.0.12', nodeName: 'm1' },
    { ip: '10.0.0.19', nodeName: 'm9' },
  ];
  const leafs = ({ files }: Pki, ip: string) =>
    (files.get(ip) ?? [])
      .filter(({ path }) => /\/(?:apiserver|etcd\/server|etcd\/peer)\./.test(path))
      .map(({ content }) => String(content));
  const first = await ensurePki(home, { ...options, masters: [m0, m1] });
  const without = await ensurePki(home, { ...options, masters: [m1, m9] });
  assert.deepEqual(leafs(without, m1.ip), leafs(first, m1.ip));
  // Of what was there only the kubeconfig of the kubelet that would begin a cluster is another's now.
  assert.deepEqual(
    without.changed.filter((path) => !path.startsWith('pki/hosts/m9/')),
    ['etc/kubelet.conf'],
  );
  const again = await ensurePki(home, { ...options, masters: [m9, m1, m0] });
  for (const [ip, before] of [
    [m0.ip, first],
    [m1.ip, first],
    [m9.ip, without],
  ] as const) {
    assert.equal(leafs(again, ip).length, 6);
    assert.deepEqual(leafs(again, ip), leafs(before, ip));
  }
  await ensurePki(home, options);
});

test('only what was chosen is renewed: new keys, a hundred years, and the rest as it was', async () => {
  const before = readFileSync(join(home, 'pki/etcd/peer.key'), 'utf8');
  const seen: string[] = [];
  const { changed } = await ensurePki(home, {
    ...options,
    renew: (path) => {
      seen.push(path);
      return path === 'pki/etcd/peer' || path === 'etc/scheduler.conf';
    },
  });
  assert.deepEqual(changed, ['etc/scheduler.conf', 'pki/etcd/peer.crt', 'pki/etcd/peer.key']);
  assert.notEqual(readFileSync(join(home, 'pki/etcd/peer.key'), 'utf8'), before);
  assert.equal(seen.length, 11);
  assert.deepEqual((await ensurePki(home, options)).changed, []);
});

test('groups that were chosen for the administrator last', async () => {
  await rememberAdminGroups(home, ['team:a', 'team:b']);
  const { adminConf, changed } = await ensurePki(home, options);
  assert.deepEqual(changed, ['etc/admin.conf']);
  assert.equal(new X509Certificate(parseKubeconfig(adminConf)?.client.cert ?? '').subject, 'O=team:a\nO=team:b\nCN=kubernetes-admin');
  assert.deepEqual((await ensurePki(home, options)).changed, []);
  await rememberAdminGroups(home, []);
  await ensurePki(home, options);
});

test('for a cluster that stands no authority is made', async () => {
  const other = mkdtempSync(join(tmpdir(), 'sealos-pki-standing-'));
  try {
    await assert.rejects(ensurePki(other, { ...options, standing: true }), { code: 'no-authority', message: /pki\/ca\.crt is missing/ });
    assert.deepEqual(readdirSync(other), []);
    assert.deepEqual((await ensurePki(home, { ...options, standing: true })).changed, []);
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});

test('an operator that lost everything takes it over from the control planes, and then makes nothing anew', async () => {
  const other = mkdtempSync(join(tmpdir(), 'sealos-pki-take-over-'));
  const masters = [...options.masters, { ip: '10.0.0.12', nodeName: 'm1' }];
  const { files, caCert } = await ensurePki(home, { ...options, masters });
  const sources = masters.map(({ ip, nodeName }) => ({
    nodeName,
    host: {
      name: ip,
      readFile: async (path: string) => {
        const file = files.get(ip)?.find((one) => one.path === path);
        return file && Buffer.from(file.content);
      },
    },
  }));
  const { signal } = new AbortController();
  try {
    assert.equal((await takeOverPki(other, sources, signal)).length, 29);
    assert.deepEqual(await takeOverPki(other, sources, signal), []);
    const taken = await ensurePki(other, { ...options, masters, standing: true });
    // Those two ask the server beside them on the hosts, and the kubelet's own is made by joining.
    assert.deepEqual(taken.changed, ['etc/controller-manager.conf', 'etc/kubelet.conf', 'etc/scheduler.conf']);
    assert.equal(taken.caCert, caCert);
    const bare = sources.map((source) => ({ ...source, host: { name: source.host.name, readFile: async () => undefined } }));
    rmSync(join(other, 'pki/sa.key'));
    await assert.rejects(takeOverPki(other, bare, signal), { message: '/etc/kubernetes/pki/sa.key is on none of 10.0.0.11, 10.0.0.12' });
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});

test('a leaf that is lost, broken, of another key or about to end is made anew; nothing else is', async () => {
  const path = join(home, 'pki/front-proxy-client');
  const repaired = ['pki/front-proxy-client.crt', 'pki/front-proxy-client.key'];
  rmSync(`${path}.key`);
  assert.deepEqual((await ensurePki(home, options)).changed, repaired);
  writeFileSync(`${path}.crt`, 'broken');
  assert.deepEqual((await ensurePki(home, options)).changed, repaired);
  copyFileSync(join(home, 'pki/apiserver.key'), `${path}.key`);
  assert.deepEqual((await ensurePki(home, options)).changed, repaired);
  const authority = {
    cert: readFileSync(join(home, 'pki/front-proxy-ca.crt'), 'utf8'),
    key: createPrivateKey(readFileSync(join(home, 'pki/front-proxy-ca.key'), 'utf8')),
  };
  const key = await generateKey();
  const old = new Date(Date.now() - (876_000 - 24 * 20) * 3_600_000);
  writeFileSync(
    `${path}.crt`,
    issueCertificate({ commonName: 'front-proxy-client', usages: ['client'], sans: [] }, key, authority, old).cert,
  );
  writeFileSync(`${path}.key`, privateKeyPem(key));
  assert.deepEqual((await ensurePki(home, options)).changed, repaired);
});

test('a kubeconfig for another server is made anew', async () => {
  const { changed } = await ensurePki(home, { ...options, apiPort: 7443 });
  assert.deepEqual(changed, ['etc/admin.conf', 'etc/controller-manager.conf', 'etc/kubelet.conf', 'etc/scheduler.conf']);
  assert.equal(parseKubeconfig(readFileSync(join(home, 'etc/admin.conf'), 'utf8'))?.server, 'https://apiserver.cluster.local:7443');
  await ensurePki(home, options);
});

test('an authority whose certificate was lost keeps its key, so that nothing else changes', async () => {
  rmSync(join(home, 'pki/front-proxy-ca.crt'));
  assert.deepEqual((await ensurePki(home, options)).changed, ['pki/front-proxy-ca.crt']);
});

test('an authority that cannot be used is never replaced', async () => {
  const path = join(home, 'pki/ca');
  const [cert, key] = [readFileSync(`${path}.crt`), readFileSync(`${path}.key`)];
  const refused = (why: RegExp) => assert.rejects(ensurePki(home, options), { message: why, exitCode: 2, code: 'bad-pki' });
  rmSync(`${path}.key`);
  await refused(/pki\/ca\.key is missing beside its certificate$/);
  writeFileSync(`${path}.key`, readFileSync(join(home, 'pki/apiserver.key')));
  await refused(/pki\/ca\.key does not belong to its certificate$/);
  writeFileSync(`${path}.key`, key);
  writeFileSync(`${path}.crt`, readFileSync(join(home, 'pki/apiserver.crt')));
  await refused(/pki\/ca\.crt is not a certificate authority$/);
  writeFileSync(`${path}.crt`, 'x');
  await refused(/pki\/ca\.crt is not a certificate$/);
  writeFileSync(`${path}.crt`, cert);
  const serviceAccount = readFileSync(join(home, 'pki/sa.key'));
  writeFileSync(join(home, 'pki/sa.key'), 'x');
  await refused(/pki\/sa\.key is not a private key$/);
  writeFileSync(join(home, 'pki/sa.key'), serviceAccount);
  assert.deepEqual((await ensurePki(home, options)).changed, []);
});

test('from 1.29 on administrators are bound by a role, and the super administrator has a file of its own', async () => {
  const next = await ensurePki(home, { ...options, version: 'v1.29.0' });
  assert.deepEqual(next.changed, [
    'etc/admin.conf',
    'etc/super-admin.conf',
    'pki/apiserver-etcd-client.crt',
    'pki/apiserver-etcd-client.key',
    'pki/apiserver-kubelet-client.crt',
    'pki/apiserver-kubelet-client.key',
    'pki/etcd/healthcheck-client.crt',
    'pki/etcd/healthcheck-client.key',
  ]);
  const subject = (text: string) => new X509Certificate(parseKubeconfig(text)?.client.cert ?? '').subject;
  assert.equal(subject(next.adminConf), 'O=kubeadm:cluster-admins\nCN=kubernetes-admin');
  assert.equal(subject(readFileSync(join(home, 'etc/super-admin.conf'), 'utf8')), 'O=system:masters\nCN=kubernetes-super-admin');
  assert.equal(new X509Certificate(readFileSync(join(home, 'pki/apiserver-etcd-client.crt'))).subject, 'CN=kube-apiserver-etcd-client');
  await ensurePki(home, options);
});

test('an abort leaves no half-made pair that a next call would trust', async () => {
  const other = mkdtempSync(join(tmpdir(), 'sealos-pki-abort-'));
  try {
    const controller = new AbortController();
    const making = ensurePki(other, { ...options, signal: controller.signal });
    setTimeout(() => controller.abort(), 50);
    await making.catch(() => {});
    const { files } = await ensurePki(other, options);
    assert.ok((files.get('10.0.0.11')?.length ?? 0) > 20);
    assert.deepEqual((await ensurePki(other, options)).changed, []);
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});

test('a kubeconfig of another shape is not taken for one of ours', () => {
  for (const text of ['', 'x', 'clusters: []', '{', 'clusters: [{cluster: {server: a}}]']) assert.equal(parseKubeconfig(text), undefined);
});

test('a certificate never outlives its authority', async () => {
  const now = new Date();
  const ca = issueCa('short', await generateKey(), new Date(now.getTime() - 875_000 * 3_600_000));
  const { cert } = issueCertificate({ commonName: 'x', usages: ['client'], sans: [] }, await generateKey(), ca, now);
  assert.equal(new X509Certificate(cert).validTo, new X509Certificate(ca.cert).validTo);
});
