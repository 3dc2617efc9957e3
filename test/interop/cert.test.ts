// What is read of a host's certificates, against openssl: as the script runs on a host, in a mount namespace that has kubeadm's files.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { findAuthorities } from '../../packages/runtime/src/cert/cluster-certificates.ts';
import { type FoundCertificate, readCertificates } from '../../packages/runtime/src/cert/read-certificates.ts';
import { judgeCertificate } from '../../packages/runtime/src/cert/report.ts';
import { shownCertificate } from '../../packages/runtime/src/cert/shown-certificate.ts';
import type { Script } from '../../packages/runtime/src/host/script.ts';
import { parseKubeconfig } from '../../packages/runtime/src/pki/kubeconfig.ts';
import { ensurePki, type PkiOptions } from '../../packages/runtime/src/pki/pki.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { until } from '../support/until.ts';

const options: PkiOptions = {
  masters: [{ ip: '10.0.0.11', nodeName: 'm0' }],
  version: 'v1.29.0',
  vip: '10.103.97.2',
  serviceSubnet: '10.96.0.0/22',
  extraSans: ['api.example.org', 'fd00::7'],
};
const { signal } = new AbortController();

let work: string;
let home: string;
const onHost = (path: string) => join(work, 'host', path);
const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

before(async () => {
  ensureInstalled(['openssl', 'util-linux']);
  work = mkdtempSync(join(tmpdir(), 'sealos-cert-'));
  home = join(work, 'home');
  for (const directory of ['etc', 'lib', 'root/.kube']) mkdirSync(onHost(directory), { recursive: true });
  for (const { path, content } of (await ensurePki(home, options)).files.get('10.0.0.11') ?? []) {
    mkdirSync(dirname(onHost(path)), { recursive: true });
    writeFileSync(onHost(path), content);
  }
  // As kubeadm leaves the kubelet: the certificate and its key in one file behind a link.
  const kubelet = parseKubeconfig(readFileSync(onHost('etc/kubernetes/kubelet.conf'), 'utf8'));
  assert.ok(kubelet);
  const pem = kubelet.client.key.export({ type: 'pkcs1', format: 'pem' }).toString();
  mkdirSync(onHost('lib/kubelet/pki'), { recursive: true });
  writeFileSync(onHost('lib/kubelet/pki/kubelet-client-1.pem'), pem + kubelet.client.cert);
  symlinkSync('kubelet-client-1.pem', onHost('lib/kubelet/pki/kubelet-client-current.pem'));
  const current = '/var/lib/kubelet/pki/kubelet-client-current.pem';
  const rotated = readFileSync(onHost('etc/kubernetes/kubelet.conf'), 'utf8')
    .replace(/client-certificate-data: .*/, `client-certificate: ${current}`)
    .replace(/client-key-data: .*/, `client-key: ${current}`);
  writeFileSync(onHost('etc/kubernetes/kubelet.conf'), rotated);
  copyFileSync(onHost('etc/kubernetes/admin.conf'), onHost('root/.kube/config'));
});
after(() => rmSync(work, { recursive: true, force: true }));

/** Runs a script as a host would, with the files of `host/` laid over this machine's, unseen by anyone else. */
function runOnHost({ text }: Script): string {
  const mounts = ['etc:/etc', 'lib:/var/lib'].map((pair) => {
    const [from, to] = pair.split(':');
    return `mount -t overlay overlay -o lowerdir=${onHost(from ?? '')}:${to} ${to}`;
  });
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'bash', '-c', `${mounts.join(' && ')} && exec bash -s`], {
    input: text,
    encoding: 'utf8',
    env: { ...process.env, HOME: onHost('root') },
  });
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  return stdout;
}

let printed = '';
const host = {
  run: async (questions: Script) => {
    printed = runOnHost(questions);
    return { exitCode: 0, stdout: printed, stderr: '' };
  },
};
const read = () => readCertificates(host, signal);
const at = (found: readonly FoundCertificate[], path: string) => found.find((one) => one.path === path) ?? assert.fail(`${path} is found`);

test('everything that kubeadm and the kubelet have is found, each once, and each with its own key', async () => {
  const found = await read();
  assert.deepEqual(found.map(({ path }) => path.replace(onHost('root'), '~')).sort(), [
    '/etc/kubernetes/admin.conf',
    '/etc/kubernetes/controller-manager.conf',
    '/etc/kubernetes/pki/apiserver-etcd-client.crt',
    '/etc/kubernetes/pki/apiserver-kubelet-client.crt',
    '/etc/kubernetes/pki/apiserver.crt',
    '/etc/kubernetes/pki/ca.crt',
    '/etc/kubernetes/pki/etcd/ca.crt',
    '/etc/kubernetes/pki/etcd/healthcheck-client.crt',
    '/etc/kubernetes/pki/etcd/peer.crt',
    '/etc/kubernetes/pki/etcd/server.crt',
    '/etc/kubernetes/pki/front-proxy-ca.crt',
    '/etc/kubernetes/pki/front-proxy-client.crt',
    '/etc/kubernetes/scheduler.conf',
    '/etc/kubernetes/super-admin.conf',
    '/var/lib/kubelet/pki/kubelet-client-current.pem',
    '~/.kube/config',
  ]);
  for (const { path, hasOwnKey } of found) assert.equal(hasOwnKey, true, path);
  assert.equal(at(found, '/etc/kubernetes/admin.conf').server, 'https://apiserver.cluster.local:6443');
});

test('no private key is in what a host prints', async () => {
  await read();
  const plain = printed.split(/\s/).map((word) => Buffer.from(word, 'base64').toString('latin1'));
  for (const text of [printed, ...plain]) assert.ok(!text.includes('PRIVATE KEY'));
  const key = readFileSync(onHost('etc/kubernetes/pki/apiserver.key'), 'utf8').split('\n')[3] ?? '';
  assert.ok(key.length > 60 && !plain.some((text) => text.includes(key)));
});

test('subject, end, names and authority are those that openssl sees', async () => {
  const found = await read();
  const authorities = findAuthorities([found]);
  for (const one of found.filter(({ kind, path }) => kind === 'certificate' && path.startsWith('/etc'))) {
    const report = judgeCertificate(one, { host: 'm0', authorities, within: 0, apiNames: ['api.example.org', 'fd00::7'], now: new Date() });
    assert.deepEqual(report.problems, [], one.path);
    const file = onHost(one.path);
    assert.equal(`notAfter=${report.ends.replace('T', ' ')}\n`, openssl('x509', '-in', file, '-noout', '-enddate', '-dateopt', 'iso_8601'));
    const subject = openssl('x509', '-in', file, '-noout', '-subject', '-nameopt', 'RFC2253').trim();
    assert.equal(`subject=${report.subject.replaceAll(', ', ',')}`, subject);
    assert.ok(report.authority);
    const ca = onHost(`etc/kubernetes/pki/${report.authority}.crt`);
    assert.match(openssl('verify', '-CAfile', ca, file), /: OK/);
    for (const name of report.names) {
      const check = /^[\d.]+$|:/.test(name) ? '-checkip' : '-checkhost';
      assert.match(openssl('x509', '-in', file, '-noout', check, name), /does match/, `${one.path} ${name}`);
    }
  }
});

test('a certificate beside the key of another, and one of an authority that openssl made, are told', async () => {
  const pki = (name: string) => onHost(`etc/kubernetes/pki/${name}`);
  const keep = ['front-proxy-client.key', 'apiserver.crt'].map((name) => [pki(name), readFileSync(pki(name))] as const);
  try {
    copyFileSync(pki('apiserver.key'), pki('front-proxy-client.key'));
    // A leaf of the right subject, key and names, signed by a stranger of the right name.
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      '/CN=kubernetes',
      '-days',
      '9',
      '-keyout',
      join(work, 'x.key'),
      '-out',
      join(work, 'x.crt'),
    );
    openssl('req', '-new', '-key', pki('apiserver.key'), '-subj', '/CN=kube-apiserver', '-out', join(work, 'x.csr'));
    openssl(
      'x509',
      '-req',
      '-in',
      join(work, 'x.csr'),
      '-CA',
      join(work, 'x.crt'),
      '-CAkey',
      join(work, 'x.key'),
      '-days',
      '9',
      '-out',
      pki('apiserver.crt'),
    );
    const found = await read();
    const judge = (path: string) =>
      judgeCertificate(at(found, path), {
        host: 'm0',
        authorities: findAuthorities([found]),
        within: 10 * 24 * 3_600_000,
        apiNames: ['api.example.org'],
        now: new Date(),
      }).problems;
    assert.deepEqual(judge('/etc/kubernetes/pki/front-proxy-client.crt'), ['its key is another']);
    assert.deepEqual(judge('/etc/kubernetes/pki/apiserver.crt'), [
      'ends in 8 days',
      "not signed by the cluster's ca",
      'does not name api.example.org',
    ]);
  } finally {
    for (const [path, content] of keep) writeFileSync(path, content);
  }
});

test('what is renewed has a new key and the names of the old, and openssl trusts it', async () => {
  const leaf = join(home, 'pki/apiserver');
  const before = readFileSync(`${leaf}.key`, 'utf8');
  // Without the names that were added: they are kept from the certificate that is replaced.
  const { changed } = await ensurePki(home, { ...options, extraSans: [], standing: true, renew: (path) => path === 'pki/apiserver' });
  assert.deepEqual(changed, ['pki/apiserver.crt', 'pki/apiserver.key']);
  assert.notEqual(readFileSync(`${leaf}.key`, 'utf8'), before);
  assert.match(openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', join(home, 'pki/ca.crt'), `${leaf}.crt`), /: OK/);
  for (const [check, name] of [
    ['-checkhost', 'api.example.org'],
    ['-checkip', 'fd00::7'],
  ] as const) {
    assert.match(openssl('x509', '-in', `${leaf}.crt`, '-noout', check, name), /does match/);
  }
  const modulus = openssl('rsa', '-in', `${leaf}.key`, '-noout', '-modulus');
  assert.equal(openssl('x509', '-in', `${leaf}.crt`, '-noout', '-modulus'), modulus);
});

test('the certificate that a server shows is seen, also where it asks for one itself; nothing where none listens', async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const free = createServer().listen(0, '127.0.0.1', () => {
    const address = free.address();
    assert.ok(address && typeof address === 'object');
    free.close(() => resolve(address.port));
  });
  const port = await promise;
  const dial = async (ip: string, to: number) => {
    const socket = connect(to, ip);
    await once(socket, 'connect');
    return socket;
  };
  const pki = (name: string) => onHost(`etc/kubernetes/pki/etcd/${name}`);
  const serve = [
    's_server',
    '-accept',
    `127.0.0.1:${port}`,
    '-cert',
    pki('server.crt'),
    '-key',
    pki('server.key'),
    '-Verify',
    '1',
    '-CAfile',
    pki('ca.crt'),
    '-quiet',
  ];
  const server = spawn('openssl', [...serve, '-verify_return_error'], { stdio: 'ignore' });
  const client = { cert: readFileSync(pki('healthcheck-client.crt'), 'utf8'), key: readFileSync(pki('healthcheck-client.key'), 'utf8') };
  const ask = () => shownCertificate({ dial }, { ip: '127.0.0.1', port, client }, signal);
  try {
    const shown = await until('openssl to serve', 20_000, ask);
    assert.equal(shown.fingerprint256, new X509Certificate(readFileSync(pki('server.crt'))).fingerprint256);
  } finally {
    server.kill();
    await once(server, 'exit');
  }
  assert.equal(await ask(), undefined);
});
