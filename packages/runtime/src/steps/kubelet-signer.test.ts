import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Host } from '../host/host.ts';
import { generateKey, issueCa } from '../pki/certificate.ts';
import { kubeletSigner } from './kubelet-signer.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-signer-'));
after(() => rmSync(work, { recursive: true, force: true }));

const authority = issueCa('kubernetes', await generateKey());
const { signal } = new AbortController();

interface Asked {
  readonly node?: string;
  readonly organization?: string;
  readonly username?: string;
  readonly signerName?: string;
  readonly usages?: readonly string[];
  readonly certificate?: string;
  readonly condition?: string;
}

/** A request as a kubelet makes it, by openssl, in the form in which kubectl prints it. */
function request(asked: Asked) {
  const { node = 'h2', organization = 'system:nodes', username = 'system:bootstrap:abcdef', certificate, condition } = asked;
  const subject = `/O=${organization}/CN=system:node:${node}`;
  const path = join(work, 'request.pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(work, 'key.pem')];
  execFileSync('openssl', ['req', '-new', ...key, '-subj', subject, '-out', path], { stdio: 'pipe' });
  return {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: `csr-${node}` },
    spec: {
      request: readFileSync(path).toString('base64'),
      username,
      signerName: asked.signerName ?? 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: asked.usages ?? ['digital signature', 'client auth'],
    },
    status: {
      ...(certificate === undefined ? {} : { certificate }),
      ...(condition === undefined ? {} : { conditions: [{ type: condition }] }),
    },
  };
}

/** A control plane whose kubectl knows these requests: how often they were looked at, and what was signed, as it was sent. */
function seatWith(items: readonly ReturnType<typeof request>[]) {
  const { promise: signed, resolve } = Promise.withResolvers<string>();
  const looked = Promise.withResolvers<void>();
  const calls: string[] = [];
  const run = async ({ text }: { readonly text: string }) => {
    calls.push(text);
    const answer = (value: unknown) => ({ exitCode: 0, stdout: JSON.stringify(value), stderr: '' });
    if (text.includes('replace --raw')) {
      resolve(text);
      return answer(undefined);
    }
    if (text.includes('certificate approve')) return answer(items.find(({ metadata }) => text.includes(metadata.name)));
    if (calls.length === 2) looked.resolve();
    return answer({ items });
  };
  return { host: { name: 'seat', run } as Partial<Host> as Host, calls, signed, lookedTwice: looked.promise };
}

test("a kubelet's request is approved and signed: its key, its name, for clients, by the cluster's authority", async () => {
  const other = request({ node: 'h9' });
  const asked = request({});
  const { host, signed, calls } = seatWith([other, asked]);
  using _expected = kubeletSigner({ seat: () => host, authority, tokenId: 'abcdef' }).expect('h2', signal);
  const sent = await signed;
  assert.match(sent, /replace --raw \/apis\/certificates\.k8s\.io\/v1\/certificatesigningrequests\/csr-h2\/status -f -/);
  assert.ok(calls.some((text) => text.includes('certificate approve csr-h2')));
  const { status, ...rest } = JSON.parse(/\{.*\}/s.exec(sent)?.[0] ?? '');
  assert.deepEqual(rest, { apiVersion: asked.apiVersion, kind: asked.kind, metadata: asked.metadata, spec: asked.spec });
  const pem = Buffer.from(status.certificate, 'base64').toString();
  const certificate = new X509Certificate(pem);
  assert.ok(certificate.verify(new X509Certificate(authority.cert).publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(readFileSync(join(work, 'key.pem')))));
  assert.equal(certificate.subject, 'O=system:nodes\nCN=system:node:h2');
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2']);
  assert.equal(certificate.subjectAltName, undefined);
});

for (const [what, asked] of [
  ['of a node that does not join now', { node: 'h3' }],
  ['that comes with another token', { username: 'system:bootstrap:zzzzzz' }],
  ['of a node that has joined, or of an administrator', { username: 'system:node:h2' }],
  ['for the group of administrators', { organization: 'system:masters' }],
  ['for another signer', { signerName: 'kubernetes.io/kube-apiserver-client' }],
  ['for a server, too', { usages: ['digital signature', 'client auth', 'server auth'] }],
  ['for no client', { usages: ['digital signature'] }],
  ['that was denied', { condition: 'Denied' }],
] as const) {
  test(`a request ${what} is not signed`, async () => {
    const { host, calls, lookedTwice } = seatWith([request(asked)]);
    using _expected = kubeletSigner({ seat: () => host, authority, tokenId: 'abcdef' }).expect('h2', signal);
    await lookedTwice;
    assert.ok(calls.every((text) => text.includes('get csr -o json')));
  });
}

test('it stops for good when the controller manager has signed, and when nobody joins any more', async () => {
  const { host, calls } = seatWith([request({ certificate: 'LS0t', condition: 'Approved' })]);
  const signer = kubeletSigner({ seat: () => host, authority, tokenId: 'abcdef' });
  using _first = signer.expect('h2', signal);
  await new Promise(setImmediate);
  using _second = signer.expect('h3', signal);
  await new Promise(setImmediate);
  assert.equal(calls.length, 1);

  const later = seatWith([]);
  const other = kubeletSigner({ seat: () => later.host, authority, tokenId: 'abcdef' });
  other.expect('h2', signal)[Symbol.dispose]();
  await new Promise(setImmediate);
  assert.equal(later.calls.length, 1, 'the look that had begun, and none after it');
});

test('a control plane that does not answer, and one whose connection goes, fail no join', async () => {
  const { promise: again, resolve } = Promise.withResolvers<void>();
  let calls = 0;
  const run = async () => {
    calls += 1;
    if (calls === 1) return { exitCode: 1, stdout: '', stderr: 'connection refused' };
    resolve();
    throw new Error('the connection is closed');
  };
  const signer = kubeletSigner({ seat: () => ({ name: 'seat', run }) as Partial<Host> as Host, authority, tokenId: 'abcdef' });
  using _expected = signer.expect('h2', signal);
  await again;
  await new Promise(setImmediate);
  using _other = signer.expect('h3', signal);
  assert.equal(calls, 2);
});
