import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { Clusterfile } from '../cluster/cluster.ts';
import { generateKey, issueCa, issueCertificate, type KeyPair } from '../pki/certificate.ts';
import { openState } from '../state/state.ts';
import { configWithNames } from './add-names.ts';
import { documentsWithNames, parseApiNames, storedNames } from './api-names.ts';
import { parseApiServerPod } from './control-plane.ts';
import { eventually } from './eventually.ts';
import { parseFound } from './read-certificates.ts';
import { parseRenewNames, renewName, renewNames } from './renewal-names.ts';
import { beginRenewal, endRenewal, isDue } from './renewal-record.ts';
import { type JudgeOptions, judgeCertificate } from './report.ts';

const DAY = 24 * 3_600_000;
const now = new Date('2060-06-01T00:00:00Z');
const yearsBefore = (years: number) => new Date(now.getTime() - years * 365 * DAY);
const ca = issueCa('kubernetes', await generateKey(), yearsBefore(1));
const etcdCa = issueCa('etcd-ca', await generateKey(), yearsBefore(1));
const key = await generateKey();
const options: JudgeOptions = {
  host: '10.0.0.11',
  authorities: new Map([
    ['ca', new X509Certificate(ca.cert)],
    ['etcd/ca', new X509Certificate(etcdCa.cert)],
  ]),
  within: 30 * DAY,
  apiNames: ['kubernetes', 'api.example.org', 'fd00::1'],
  now,
};
const sans = ['kubernetes', 'api.example.org', 'fd00::1'];

function leaf(authority: KeyPair, made = now, names = sans): string {
  return issueCertificate({ commonName: 'x', organizations: ['a', 'b'], usages: ['server'], sans: names }, key, authority, made).cert;
}

const judge = (path: string, pem: string, more: object = {}) => judgeCertificate({ path, kind: 'certificate', pem, ...more }, options);

test('a certificate that is well has no problem, and says whose it is', () => {
  const report = judge('/etc/kubernetes/pki/apiserver.crt', leaf(ca));
  assert.deepEqual(report.problems, []);
  assert.equal(report.authority, 'ca');
  assert.equal(report.renew, 'apiserver');
  assert.equal(report.subject, 'CN=x, O=b, O=a');
  assert.deepEqual(report.names, sans);
  assert.match(report.ends, /^21\d\d-\d\d-\d\dT00:00:00Z$/);
  assert.ok(report.daysLeft > 36_000);
});

test('what has ended, ends soon or is not valid yet is told with its time', () => {
  const made = (left: number) => new Date(now.getTime() - (876_000 / 24) * DAY + left);
  const old = issueCa('kubernetes', ca.key, yearsBefore(101));
  const problems = (left: number) => {
    const short = issueCa('short', ca.key, made(left));
    return judgeCertificate(
      { path: '/etc/kubernetes/pki/other.crt', kind: 'certificate', pem: short.cert },
      { ...options, authorities: new Map([['ca', new X509Certificate(short.cert)]]) },
    ).problems;
  };
  assert.deepEqual(problems(31 * DAY), []);
  assert.deepEqual(problems(29.5 * DAY), ['ends in 29 days']);
  assert.deepEqual(problems(5.5 * 3_600_000), ['ends in 5 h']);
  assert.match(problems(-DAY)[0] ?? '', /^ended on 2060-05-31T/);
  assert.match(judge('/etc/kubernetes/pki/ca.crt', old.cert).problems.join(), /ended on/);
  const later = judge('/etc/kubernetes/pki/apiserver.crt', leaf(ca, new Date(now.getTime() + DAY)));
  assert.match(later.problems.join(), /not valid before 2060-06-01T23:55/);
});

test('what another authority signed, has another key, or does not name the API is wrong', () => {
  const problems = (path: string, pem: string, more?: object) => judge(path, pem, more).problems;
  assert.deepEqual(problems('/etc/kubernetes/pki/apiserver.crt', leaf(etcdCa)), ["not signed by the cluster's ca"]);
  assert.deepEqual(problems('/etc/kubernetes/pki/etcd/server.crt', leaf(etcdCa)), []);
  assert.deepEqual(problems('/etc/kubernetes/pki/apiserver-etcd-client.crt', leaf(ca)), ["not signed by the cluster's etcd/ca"]);
  assert.deepEqual(problems('/etc/kubernetes/pki/etcd/peer.crt', leaf(etcdCa), { hasOwnKey: false }), ['its key is another']);
  assert.deepEqual(problems('pki/hosts/m1/apiserver.crt', leaf(ca, now, ['kubernetes'])), ['does not name api.example.org, fd00::1']);
  assert.deepEqual(problems('/etc/kubernetes/pki/ca.crt', etcdCa.cert), ["another authority than the cluster's ca"]);
  assert.deepEqual(problems('/etc/kubernetes/pki/apiserver.crt', 'x'), ['cannot be read as a certificate']);
  const kubeconfig = { kind: 'kubeconfig', server: 'https://a:6443', trusts: etcdCa.cert };
  assert.deepEqual(problems('/etc/kubernetes/admin.conf', leaf(ca), kubeconfig), ['trusts another authority']);
});

test("the kubelet's own serving certificate is no problem: nothing checks it", () => {
  const own = issueCa('h1@1', key, yearsBefore(99.99));
  const report = judge('/var/lib/kubelet/pki/kubelet.crt', own.cert);
  assert.deepEqual(report.problems, []);
  assert.match(report.note ?? '', /made by the kubelet/);
});

test('what a host prints is read line by line, and a line that is cut off is left out', () => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const lines = [
    `certificate\t/a.crt\t${base64('PEM')}\tyes`,
    `certificate\t/b.crt\t${base64('PEM')}\tunknown`,
    `kubeconfig\t/c.conf\t${base64('PEM')}\tno\thttps://x:6443\t${base64('CA')}`,
    'certificate\t/d',
    'noise',
  ];
  assert.deepEqual(parseFound(`${lines.join('\n')}\n`), [
    { kind: 'certificate', path: '/a.crt', pem: 'PEM', hasOwnKey: true },
    { kind: 'certificate', path: '/b.crt', pem: 'PEM' },
    { kind: 'kubeconfig', path: '/c.conf', pem: 'PEM', hasOwnKey: false, server: 'https://x:6443', trusts: 'CA' },
  ]);
});

test('every file has the name under which it is renewed, on hosts as on the operator', () => {
  const paths = [
    ['/etc/kubernetes/pki/etcd/server.crt', 'etcd-server'],
    ['pki/hosts/m1/etcd/peer.crt', 'etcd-peer'],
    ['pki/apiserver.crt', 'apiserver'],
    ['/etc/kubernetes/admin.conf', 'admin.conf'],
    ['etc/scheduler.conf', 'scheduler.conf'],
    ['/root/.kube/config', 'admin.conf'],
    ['/var/lib/kubelet/pki/kubelet-client-current.pem', 'kubelet.conf'],
    ['/etc/kubernetes/pki/ca.crt', undefined],
    ['/etc/kubernetes/pki/etcd/ca.crt', undefined],
  ] as const;
  for (const [path, name] of paths) assert.equal(renewName(path), name, path);
  assert.deepEqual(parseRenewNames(['all']), renewNames);
  assert.deepEqual(parseRenewNames(['admin.conf', 'apiserver', 'admin.conf']), ['apiserver', 'admin.conf']);
  assert.throws(() => parseRenewNames(['apiserver', 'ca']), { exitCode: 2, message: "'ca' is no certificate that can be renewed" });
});

test('names are taken as certificates hold them, and what is none is refused', () => {
  assert.deepEqual(parseApiNames([' API.example.org', '192.0.2.7', '[FD00::0001]', 'fd00::1', '*.example.org', 'node-1']), [
    'api.example.org',
    '192.0.2.7',
    'fd00::1',
    '*.example.org',
    'node-1',
  ]);
  for (const bad of ['', 'a b', 'https://a', 'a:6443', '-a', 'a..b', '300.1.1.1', 'a.*.b', 'x'.repeat(64), "a'b"]) {
    assert.throws(() => parseApiNames([bad]), { exitCode: 2, code: 'bad-name' }, bad);
  }
});

test('names go into the last ClusterConfiguration of the Clusterfile, or into one of their own, once', () => {
  const first = documentsWithNames([], ['a']);
  assert.deepEqual(first, [
    { kind: 'ClusterConfiguration', apiVersion: 'kubeadm.k8s.io/v1beta3', content: { apiServer: { certSANs: ['a'] } } },
  ]);
  const second = documentsWithNames(first, ['a', 'b']);
  assert.deepEqual(second[0]?.content, { apiServer: { certSANs: ['a', 'b'] } });
  assert.equal(documentsWithNames(second, ['b', 'a']), second);
  const other = {
    kind: 'ClusterConfiguration',
    apiVersion: 'kubeadm.k8s.io/v1beta2',
    content: { apiServer: { extraArgs: { v: '2' } } },
  } as const;
  const mixed = documentsWithNames([other], ['c']);
  assert.deepEqual(mixed, [{ ...other, content: { apiServer: { extraArgs: { v: '2' }, certSANs: ['c'] } } }]);
  const file: Pick<Clusterfile, 'kubeadm'> = { kubeadm: [...mixed, ...second] };
  assert.deepEqual(storedNames(file), ['c', 'a', 'b']);
});

test("kubeadm's configuration keeps everything but the list of names as it was written", () => {
  const text = `apiServer:
  certSANs:
  - 127.0.0.1
  extraArgs:
    audit-log-maxage: "7"
    feature: on
apiVersion: kubeadm.k8s.io/v1beta2
kubernetesVersion: v1.20.2
`;
  const grown = configWithNames(text, ['127.0.0.1', 'api.example.org']);
  assert.ok(grown.includes('audit-log-maxage: "7"\n    feature: on\n'));
  assert.deepEqual(parse(grown), { ...parse(text), apiServer: { ...parse(text).apiServer, certSANs: ['127.0.0.1', 'api.example.org'] } });
  assert.deepEqual(parse(configWithNames('kubernetesVersion: v1.31.0\n', ['a'])), {
    kubernetesVersion: 'v1.31.0',
    apiServer: { certSANs: ['a'] },
  });
});

test("an API server's manifest tells version, port and service network", () => {
  const manifest = (image: string, ...flags: readonly string[]) =>
    `spec:\n  containers:\n  - image: ${image}\n    command:\n    - kube-apiserver\n${flags.map((flag) => `    - ${flag}\n`).join('')}`;
  const pod = parseApiServerPod(
    manifest('k8s.gcr.io/kube-apiserver:v1.20.2', '--secure-port=7443', '--service-cluster-ip-range=10.96.0.0/22,fd01::/112'),
  );
  assert.deepEqual(pod, { version: 'v1.20.2', apiPort: 7443, serviceSubnet: '10.96.0.0/22,fd01::/112' });
  const pinned = parseApiServerPod(
    manifest(`r:5000/kube-apiserver:v1.31.1@sha256:${'0'.repeat(64)}`, '--service-cluster-ip-range=10.96.0.0/22'),
  );
  assert.deepEqual(pinned, { version: 'v1.31.1', apiPort: 6443, serviceSubnet: '10.96.0.0/22' });
  for (const text of ['', '{', 'spec: {containers: []}', manifest('x')]) assert.equal(parseApiServerPod(text), undefined);
});

test('a renewal that was cut off goes on with what was not made since it began', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sealos-renewal-'));
  try {
    const state = await openState('c', { root });
    const begun = new Date('2030-01-01T12:00:00.700Z');
    await beginRenewal(state, ['apiserver', 'etcd-peer'], begun);
    const again = await beginRenewal(state, ['etcd-peer', 'admin.conf'], new Date('2030-01-01T13:00:00Z'));
    assert.deepEqual(
      [...again].map(([name, since]) => [name, since.toISOString()]),
      [
        ['etcd-peer', '2030-01-01T12:00:00.700Z'],
        ['apiserver', '2030-01-01T12:00:00.700Z'],
        ['admin.conf', '2030-01-01T13:00:00.000Z'],
      ],
    );
    const authority = issueCa('kubernetes', ca.key, new Date('2029-01-01T00:00:00Z'));
    const made = (at: string) => new X509Certificate(leaf(authority, new Date(at)));
    assert.ok(isDue(again.get('apiserver'), made('2030-01-01T11:59:58Z')));
    assert.ok(!isDue(again.get('apiserver'), made('2030-01-01T12:00:00.700Z')));
    assert.ok(!isDue(again.get('scheduler.conf'), made('2029-06-01T12:00:00Z')));
    await endRenewal(state);
    assert.deepEqual([...(await beginRenewal(state, ['etcd-peer'], begun)).keys()], ['etcd-peer']);
    await state.writeSecret('cert-renewal', '{"etcd-peer": 1}');
    await assert.rejects(beginRenewal(state, []), { code: 'bad-state' });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('waiting ends with the answer, with the time, or with the signal', async () => {
  let asked = 0;
  const { signal } = new AbortController();
  assert.equal(await eventually(60_000, signal, async () => ++asked === 2), true);
  assert.equal(await eventually(0, signal, async () => false), false);
  await assert.rejects(
    eventually(60_000, AbortSignal.abort(new Error('stop')), async () => false),
    /stop/,
  );
});
