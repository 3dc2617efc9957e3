import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { SealosError } from '@sealos/image';
import { knownKeyTypes, verifyHostKey } from './known-hosts.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-known-hosts-'));
after(() => rmSync(work, { recursive: true, force: true }));

/** A public key in wire format with its own type and some bytes. */
function keyOf(type: string, seed: number): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(type.length);
  return Buffer.concat([length, Buffer.from(type), Buffer.from([0, 0, 0, 32]), Buffer.alloc(32, seed)]);
}

const key = keyOf('ssh-ed25519', 1);
const other = keyOf('ssh-ed25519', 2);
const rsa = keyOf('ssh-rsa', 3);
const host = { ip: '10.0.0.5', port: 22 };
const onPort = { ip: '10.0.0.5', port: 2222 };
const line = (names: string, bytes: Buffer, type = 'ssh-ed25519') => `${names} ${type} ${bytes.toString('base64')}\n`;

let files = 0;
function fileOf(content: string): string {
  files += 1;
  const file = join(work, `known_hosts-${files}`);
  writeFileSync(file, content);
  return file;
}

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SealosError);
  assert.match(error.message, pattern);
  assert.doesNotMatch(error.message, /\n/);
  assert.equal(error.exitCode, 2);
  assert.ok(error.hint);
  return true;
};

test('names match as sshd(8) says: lists, wildcards, negations, ports in brackets', async () => {
  const cases: readonly [string, typeof host, boolean][] = [
    ['10.0.0.5', host, true],
    ['node-1,10.0.0.5', host, true],
    ['10.0.0.*', host, true],
    ['10.0.0.?', host, true],
    ['10.0.*,!10.0.0.5', host, false],
    ['10x0x0x5', host, false],
    ['10.0.0.5', onPort, false],
    ['[10.0.0.5]:2222', onPort, true],
    ['[10.0.0.*]:2222', onPort, true],
    ['[10.0.0.5]:2222', host, false],
  ];
  for (const [names, address, matches] of cases) {
    const found = await knownKeyTypes(address, [fileOf(line(names, key))]);
    assert.equal(found.length === 1, matches, `${names} for port ${address.port}`);
  }
});

test('names that ssh-keygen hashed are recognised', async () => {
  const file = fileOf(line('[10.0.0.5]:2222', key) + line('10.0.0.5', other));
  assert.equal(spawnSync('ssh-keygen', ['-q', '-H', '-f', file]).status, 0);
  assert.match(readFileSync(file, 'utf8'), /^\|1\|/);
  await verifyHostKey(onPort, key, [file]);
  await assert.rejects(verifyHostKey(host, key, [file]), refused(/^10\.0\.0\.5: its key is not the one that is known \(.*:2\)/));
});

test('a host that is not known is recorded, for its owner only, in a way that ssh-keygen finds', async () => {
  const file = join(work, 'new', 'known_hosts');
  await Promise.all([verifyHostKey(host, key, [file]), verifyHostKey(onPort, other, [file])]);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(spawnSync('ssh-keygen', ['-F', '10.0.0.5', '-f', file]).status, 0);
  assert.equal(spawnSync('ssh-keygen', ['-F', '[10.0.0.5]:2222', '-f', file]).status, 0);
  await verifyHostKey(host, key, [file]);
  assert.equal(readFileSync(file, 'utf8').trim().split('\n').length, 2);
});

test('a file without a line break at its end is continued on a new line', async () => {
  const file = fileOf(line('elsewhere', other).trimEnd());
  await verifyHostKey(host, key, [file]);
  assert.equal(readFileSync(file, 'utf8'), line('elsewhere', other) + line('10.0.0.5', key));
});

test('where policy is strict a host that is not known is refused, and nothing is recorded', async () => {
  const file = fileOf('');
  await assert.rejects(verifyHostKey(host, key, [file], 'strict'), refused(/its key is not known; it shows ssh-ed25519 SHA256:/));
  assert.equal(readFileSync(file, 'utf8'), '');
});

test('a key of another kind than the known ones is refused too; one of several known ones is taken', async () => {
  await assert.rejects(verifyHostKey(host, rsa, [fileOf(line('10.0.0.5', key))]), refused(/is not the one that is known/));
  await verifyHostKey(host, rsa, [fileOf(line('10.0.0.5', key) + line('10.0.0.5', rsa, 'ssh-rsa'))]);
});

test('a revoked key is refused, even where another line knows it', async () => {
  const file = fileOf(`${line('10.0.0.5', key)}@revoked ${line('*', key)}`);
  await assert.rejects(verifyHostKey(host, key, [file]), refused(/its key is revoked \(.*:2\)/));
});

test('a host that only a certificate authority vouches for is refused; with a line of its own it is taken', async () => {
  const authority = `@cert-authority ${line('10.0.*', other)}`;
  await assert.rejects(verifyHostKey(host, key, [fileOf(authority)]), refused(/a certificate authority vouches for it \(.*:1\)/));
  await verifyHostKey(host, key, [fileOf(authority + line('10.0.0.5', key))]);
});

test('the second file is read and not written', async () => {
  const [own, system] = [fileOf(''), fileOf(line('10.0.0.5', key))];
  await verifyHostKey(host, key, [own, system]);
  await assert.rejects(verifyHostKey(host, other, [own, system]), refused(new RegExp(`${system}:1`)));
  assert.equal(readFileSync(own, 'utf8'), '');
});

test('comments and lines that are none are passed over', async () => {
  const file = fileOf(`# a comment\n\n10.0.0.5\n@unknown ${line('10.0.0.5', other)}${line('10.0.0.5', key)}`);
  await verifyHostKey(host, key, [file]);
});

test('a file that cannot be used is named', async () => {
  await assert.rejects(verifyHostKey(host, key, [work]), refused(/the file of known hosts, cannot be read \(EISDIR\)/));
});
