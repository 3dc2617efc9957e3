// A certificate authority of the tests' own, and what it signs. Made by openssl: an implementation that is not ours.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled } from '../../scripts/debian.ts';

export interface KeyPair {
  /** Files in PEM. */
  readonly certificate: string;
  readonly key: string;
}

const DAYS = ['-days', '30'];

function openssl(args: readonly string[]): void {
  ensureInstalled(['openssl']);
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** A new authority; its files are `ca.crt` and `ca.key` in the directory. */
export function makeAuthority(directory: string): KeyPair {
  const pair = { certificate: join(directory, 'ca.crt'), key: join(directory, 'ca.key') };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(['req', '-x509', ...curve, ...DAYS, '-subj', '/CN=authority of a test', '-keyout', pair.key, '-out', pair.certificate]);
  return pair;
}

/** A certificate for this machine's loopback names (or a client's, which needs no names), signed by the authority. */
export function makeCertificate(directory: string, name: 'server' | 'client', authority: KeyPair): KeyPair {
  const pair = { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
  const request = join(directory, `${name}.csr`);
  const extensions = join(directory, `${name}.ext`);
  const alternatives = 'subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1\n';
  writeFileSync(extensions, `extendedKeyUsage = ${name}Auth\n${name === 'server' ? alternatives : ''}`);
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(['req', '-new', ...curve, '-subj', `/CN=${name} of a test`, '-keyout', pair.key, '-out', request]);
  const signer = ['-CA', authority.certificate, '-CAkey', authority.key, '-CAcreateserial'];
  openssl(['x509', '-req', '-in', request, ...signer, ...DAYS, '-extfile', extensions, '-out', pair.certificate]);
  return pair;
}
