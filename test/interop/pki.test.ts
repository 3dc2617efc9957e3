import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { ensurePki, type Pki, type PkiOptions } from '../../packages/runtime/src/pki/pki.ts';
import { ensureInstalled } from '../../scripts/debian.ts';

const options: PkiOptions = {
  masters: [
    { ip: '10.0.0.11', nodeName: 'm0' },
    { ip: 'fd00::12', nodeName: 'm1' },
  ],
  version: 'v1.28.0',
  vip: '10.103.97.2',
  serviceSubnet: '10.96.0.0/22,fd01::/112',
  extraSans: ['api.example.org', '192.0.2.7'],
};

let work: string;
let home: string;
let pki: Pki;
before(async () => {
  ensureInstalled(['openssl']);
  work = mkdtempSync(join(tmpdir(), 'sealos-pki-'));
  home = join(work, 'home');
  pki = await ensurePki(home, options);
  for (const [ip, files] of pki.files) {
    for (const { path, content } of files) {
      mkdirSync(dirname(join(work, ip, path)), { recursive: true });
      writeFileSync(join(work, ip, path), content);
    }
  }
});
after(() => rmSync(work, { recursive: true, force: true }));

const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const hostPath = (ip: string, path: string) => join(work, ip, 'etc/kubernetes', path);
const text = (file: string) => openssl('x509', '-in', file, '-noout', '-text', '-nameopt', 'RFC2253');
const one = (file: string, ...what: string[]) => openssl('x509', '-in', file, '-noout', ...what).trim();

const table = [
  ['ca', 'ca', 'CN=kubernetes', 'any'],
  ['front-proxy-ca', 'front-proxy-ca', 'CN=front-proxy-ca', 'any'],
  ['etcd/ca', 'etcd/ca', 'CN=etcd-ca', 'any'],
  ['apiserver', 'ca', 'CN=kube-apiserver', 'sslserver'],
  ['apiserver-kubelet-client', 'ca', 'O=system:masters,CN=kube-apiserver-kubelet-client', 'sslclient'],
  ['front-proxy-client', 'front-proxy-ca', 'CN=front-proxy-client', 'sslclient'],
  ['apiserver-etcd-client', 'etcd/ca', 'O=system:masters,CN=kube-apiserver-etcd-client', 'sslclient'],
  ['etcd/server', 'etcd/ca', 'CN=m0', 'sslserver'],
  ['etcd/peer', 'etcd/ca', 'CN=m0', 'sslclient'],
  ['etcd/healthcheck-client', 'etcd/ca', 'O=system:masters,CN=kube-etcd-healthcheck-client', 'sslclient'],
] as const;

for (const [path, authority, subject, purpose] of table) {
  test(`openssl verifies ${path}, its purpose, subject, key and hundred years`, () => {
    const file = hostPath('10.0.0.11', `pki/${path}.crt`);
    const ca = hostPath('10.0.0.11', `pki/${authority}.crt`);
    assert.match(openssl('verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, file), /: OK/);
    assert.equal(
      one(file, '-subject', '-nameopt', 'sep_comma_plus,utf8').replaceAll(' = ', '=').replaceAll(', ', ','),
      `subject=${subject}`,
    );
    const modulus = openssl('rsa', '-in', hostPath('10.0.0.11', `pki/${path}.key`), '-noout', '-modulus');
    assert.equal(`${one(file, '-modulus')}\n`, modulus);
    assert.match(text(file), /Public-Key: \(2048 bit\)/);
    const end = /Not After : \w+ +\d+ [\d:]+ (\d{4})/.exec(text(file))?.[1];
    assert.ok(Math.abs(Number(end) - new Date().getFullYear() - 100) <= 1, `ends in ${end}`);
    // RFC 5280: 2050 and later as GeneralizedTime, before as UTCTime
    assert.match(openssl('asn1parse', '-in', file), /UTCTIME[^\n]*\n[^\n]*GENERALIZEDTIME/);
  });
}

test('a server certificate is no client certificate, and a client certificate no server', () => {
  const ca = hostPath('10.0.0.11', 'pki/ca.crt');
  assert.throws(() => openssl('verify', '-purpose', 'sslclient', '-CAfile', ca, hostPath('10.0.0.11', 'pki/apiserver.crt')));
  assert.throws(() => openssl('verify', '-purpose', 'sslserver', '-CAfile', ca, hostPath('10.0.0.11', 'pki/apiserver-kubelet-client.crt')));
});

test('the API server is known by every name and address that anyone uses for it', () => {
  for (const [ip, nodeName] of [
    ['10.0.0.11', 'm0'],
    ['fd00::12', 'm1'],
  ] as const) {
    const file = hostPath(ip, 'pki/apiserver.crt');
    for (const name of [
      'localhost',
      'kubernetes',
      'kubernetes.default',
      'kubernetes.default.svc',
      'kubernetes.default.svc.cluster.local',
      'apiserver.cluster.local',
      'api.example.org',
      nodeName,
    ]) {
      assert.match(one(file, '-checkhost', name), /does match/, name);
    }
    for (const address of ['127.0.0.1', '10.96.0.1', 'fd01::1', '10.103.97.2', '10.0.0.11', 'fd00::12', '192.0.2.7']) {
      assert.match(one(file, '-checkip', address), /does match/, address);
    }
    assert.match(one(file, '-checkip', '10.96.0.2'), /does NOT match/);
  }
});

test('etcd is known by its own host only', () => {
  for (const path of ['pki/etcd/server.crt', 'pki/etcd/peer.crt']) {
    const file = hostPath('fd00::12', path);
    assert.match(one(file, '-checkhost', 'm1'), /does match/);
    for (const address of ['127.0.0.1', '::1', 'fd00::12']) assert.match(one(file, '-checkip', address), /does match/, address);
    assert.match(one(file, '-checkip', '10.0.0.11'), /does NOT match/);
  }
});

test('key usages, basic constraints and key ids are those that kubeadm writes', () => {
  const ca = text(hostPath('10.0.0.11', 'pki/ca.crt'));
  assert.match(ca, /Key Usage: critical\s+Digital Signature, Key Encipherment, Certificate Sign\n/);
  assert.match(ca, /Basic Constraints: critical\s+CA:TRUE\n/);
  const leaf = text(hostPath('10.0.0.11', 'pki/etcd/peer.crt'));
  assert.match(leaf, /Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
  assert.match(leaf, /Extended Key Usage: \s+TLS Web Server Authentication, TLS Web Client Authentication\n/);
  assert.match(leaf, /Basic Constraints: critical\s+CA:FALSE\n/);
  const subjectKeyId = /Subject Key Identifier: \s+(\S+)/.exec(text(hostPath('10.0.0.11', 'pki/etcd/ca.crt')))?.[1];
  assert.equal(/Authority Key Identifier: \s+(\S+)/.exec(leaf)?.[1], subjectKeyId);
});

test('serial numbers are positive and differ', () => {
  const serials = table.map(([path]) => one(hostPath('10.0.0.11', `pki/${path}.crt`), '-serial').replace('serial=', ''));
  assert.equal(new Set(serials).size, serials.length);
  for (const serial of serials) assert.match(serial, /^[4-7][0-9A-F]{15}$/);
});

test('kubeconfigs hold users that the CA vouches for, at the API name', () => {
  for (const [file, user, subject] of [
    ['admin.conf', 'kubernetes-admin', 'O=system:masters,CN=kubernetes-admin'],
    ['controller-manager.conf', 'system:kube-controller-manager', 'CN=system:kube-controller-manager'],
    ['scheduler.conf', 'system:kube-scheduler', 'CN=system:kube-scheduler'],
    ['kubelet.conf', 'system:node:m0', 'O=system:nodes,CN=system:node:m0'],
  ] as const) {
    const config = readFileSync(hostPath('10.0.0.11', file), 'utf8');
    const member = (name: string) => new RegExp(`^ *${name}: (\\S+)$`, 'm').exec(config)?.[1] ?? '';
    assert.equal(member('server'), 'https://apiserver.cluster.local:6443');
    assert.equal(member('current-context'), `${user}@kubernetes`);
    const cert = join(work, `${file}.crt`);
    writeFileSync(cert, Buffer.from(member('client-certificate-data'), 'base64'));
    writeFileSync(`${cert}.key`, Buffer.from(member('client-key-data'), 'base64'));
    assert.match(openssl('verify', '-x509_strict', '-purpose', 'sslclient', '-CAfile', hostPath('10.0.0.11', 'pki/ca.crt'), cert), /OK/);
    assert.equal(
      one(cert, '-subject', '-nameopt', 'sep_comma_plus,utf8').replaceAll(' = ', '=').replaceAll(', ', ','),
      `subject=${subject}`,
    );
    assert.match(openssl('rsa', '-in', `${cert}.key`, '-check', '-noout'), /RSA key ok/);
  }
});

test('a host that joins gets everything but a kubeconfig for its kubelet, which kubeadm refuses to find', () => {
  const paths = (ip: string) => (pki.files.get(ip) ?? []).map(({ path }) => path);
  assert.ok(paths('10.0.0.11').includes('/etc/kubernetes/kubelet.conf'));
  assert.ok(!paths('fd00::12').includes('/etc/kubernetes/kubelet.conf'));
  assert.ok(paths('fd00::12').includes('/etc/kubernetes/admin.conf'));
  assert.ok(paths('fd00::12').includes('/etc/kubernetes/pki/etcd/ca.key'));
});

test('keys and kubeconfigs are for root only, on the operator as on hosts', () => {
  for (const files of pki.files.values()) {
    for (const { path, mode } of files) assert.equal(mode, path.endsWith('.crt') ? 0o644 : 0o600, path);
  }
  for (const name of readdirSync(home, { recursive: true, encoding: 'utf8' })) {
    const stat = statSync(join(home, name));
    assert.equal(stat.mode & 0o777, stat.isDirectory() ? 0o700 : 0o600, name);
    assert.ok(!/(?:^|\/)\./.test(name), `${name} is left over`);
  }
});

test('the CA hash is the one that kubeadm computes', () => {
  const key = openssl('x509', '-in', hostPath('10.0.0.11', 'pki/ca.crt'), '-noout', '-pubkey');
  const der = execFileSync('openssl', ['pkey', '-pubin', '-outform', 'der'], { input: key });
  const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: der, encoding: 'utf8' }).split(' ')[0];
  assert.equal(pki.caCertHash, `sha256:${digest}`);
});

test('an elliptic-curve CA made by openssl, with its name in another encoding, signs what openssl accepts', async () => {
  const own = join(work, 'own');
  const ca = join(own, 'pki/ca');
  mkdirSync(dirname(ca), { recursive: true });
  openssl('ecparam', '-genkey', '-name', 'prime256v1', '-noout', '-out', `${ca}.key`);
  const subject = ['-subj', '/O=My Company/CN=own-ca', '-addext', 'keyUsage=critical,keyCertSign', '-addext', 'subjectKeyIdentifier=hash'];
  writeFileSync(join(own, 'openssl.cnf'), '[req]\ndistinguished_name=dn\nstring_mask=pkix\n[dn]\n');
  openssl(
    'req',
    '-x509',
    '-new',
    '-config',
    join(own, 'openssl.cnf'),
    '-key',
    `${ca}.key`,
    '-days',
    '400',
    '-out',
    `${ca}.crt`,
    ...subject,
    '-addext',
    'basicConstraints=critical,CA:TRUE',
  );
  const made = await ensurePki(own, { ...options, masters: options.masters.slice(0, 1) });
  assert.equal(made.caCert, readFileSync(`${ca}.crt`, 'utf8'));
  assert.ok(!made.changed.includes('pki/ca.crt'));
  const leaf = join(own, 'pki/apiserver.crt');
  assert.match(openssl('verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', `${ca}.crt`, leaf), /OK/);
  assert.equal(one(leaf, '-enddate').replace('notAfter', ''), one(`${ca}.crt`, '-enddate').replace('notAfter', ''));
  assert.deepEqual((await ensurePki(own, { ...options, masters: options.masters.slice(0, 1) })).changed, []);
});
