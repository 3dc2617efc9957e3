import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readRequest } from './request.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-request-'));
after(() => rmSync(work, { recursive: true, force: true }));

/** A request as openssl makes it, and its public key as openssl tells it. */
function made(subject: string, ...options: readonly string[]): { readonly pem: string; readonly publicKey: string } {
  const path = join(work, 'request.pem');
  execFileSync('openssl', ['req', '-new', '-nodes', '-subj', subject, '-keyout', join(work, 'key.pem'), '-out', path, ...options], {
    stdio: 'pipe',
  });
  return { pem: readFileSync(path, 'utf8'), publicKey: execFileSync('openssl', ['req', '-in', path, '-noout', '-pubkey']).toString() };
}

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'];

for (const [kind, options] of [
  ['an elliptic curve', EC],
  ['RSA', ['-newkey', 'rsa:2048']],
] as const) {
  test(`a request with a key of ${kind} is read as openssl wrote it`, () => {
    const { pem, publicKey } = made('/O=system:nodes/CN=system:node:h\u00fc1', '-utf8', ...options);
    const request = readRequest(pem) ?? assert.fail('not read');
    assert.deepEqual([request.commonName, request.organizations], ['system:node:h\u00fc1', ['system:nodes']]);
    assert.equal(request.publicKey.export({ type: 'spki', format: 'pem' }), publicKey);
  });
}

test('a request that was changed, or is of another kind, is none', () => {
  const { pem } = made('/O=system:nodes/CN=system:node:h1', ...EC);
  const der = Buffer.from(pem.replaceAll(/-----.*-----|\n/g, ''), 'base64');
  const wrap = (bytes: Buffer) => `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
  assert.ok(readRequest(wrap(der)));
  const name = der.indexOf('system:node:h1');
  const other = Buffer.from(der);
  other.write('system:node:h2', name);
  assert.equal(readRequest(wrap(other)), undefined, 'its signature is of another name');
  for (let cut = 0; cut < der.length; cut += 7) assert.equal(readRequest(wrap(der.subarray(0, cut))), undefined);
  assert.equal(readRequest(made('/CN=a/CN=system:node:h1', ...EC).pem), undefined, 'two names');
  assert.equal(readRequest(made('/O=system:nodes', ...EC).pem), undefined, 'no name');
  assert.equal(readRequest(made('/CN=a', ...EC, '-sha1').pem), undefined, 'a digest that is not trusted');
  for (const text of ['', 'x', '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n'])
    assert.equal(readRequest(text), undefined);
});
