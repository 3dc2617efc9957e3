// Keys, signatures and policies through the command line.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStore } from '@sealos/image';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-trust-'));
const PASSWORD = 'correct horse';
const env: NodeJS.ProcessEnv = {
  ...process.env,
  SEALOS_STORAGE: join(work, 'store'),
  SEALOS_RUNTIME_ROOT: join(work, 'state'),
  HOME: join(work, 'home'),
  XDG_CONFIG_HOME: '',
  COSIGN_PASSWORD: PASSWORD,
  SSH_AUTH_SOCK: '',
};
const policyFile = join(work, 'home', '.config', 'containers', 'policy.json');
let registry: DockerRegistry;
let sshd: Sshd;

function call(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: work, input: '' });
  return { status, stdout, stderr };
}

function succeeds(...args: readonly string[]): string {
  const { status, stdout, stderr } = call(...args);
  assert.equal(status, 0, `sealos ${args.join(' ')}: ${stderr}`);
  return stdout;
}

before(async () => {
  for (const name of ['state', 'home']) mkdirSync(join(work, name));
  mkdirSync(dirname(policyFile), { recursive: true });
  await using store = await openStore(env['SEALOS_STORAGE']);
  const config = { Labels: { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version: 'v1.29.0' } };
  await makeImage(store, { name: 'localhost/rootfs:1', config, layers: [[file('a', 'b')]] });
  [registry, sshd] = await Promise.all([startDockerRegistry(), startSshd()]);
  succeeds('sign', '--generate-key-pair');
  succeeds('sign', '--generate-key-pair', '-o', 'other');
});
after(async () => {
  await Promise.all([registry.stop(), sshd[Symbol.asyncDispose]()]);
  rmSync(work, { recursive: true, force: true });
});

test('a key is for its owner alone, is never overwritten, and does not open with another password', () => {
  const [key, pub] = [join(work, 'cosign.key'), join(work, 'cosign.pub')];
  assert.equal(statSync(key).mode & 0o777, 0o600);
  const written = readFileSync(key, 'utf8');
  assert.match(written, /^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
  const again = call('sign', '--generate-key-pair');
  assert.equal(again.status, 2);
  assert.match(again.stderr, /cosign\.key is there already/);
  assert.equal(readFileSync(key, 'utf8'), written);
  const half = call('sign', '--generate-key-pair', '-o', join(work, 'no', 'such', 'directory'));
  assert.equal(half.status, 2);
  assert.match(readFileSync(pub, 'utf8'), /^-----BEGIN PUBLIC KEY-----\n/);

  writeFileSync(join(work, 'wrong'), 'wrong\n');
  const refused = call('sign', '--password-file', 'wrong', 'localhost/rootfs:1');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /the password does not open cosign\.key/);
  assert.equal(call('verify', '--key', 'cosign.pub', 'localhost/rootfs:1').status, 2);
});

test("nothing unsigned is run where the user's policy or --verify-key demands a signature, and what is signed is", () => {
  const demands = { default: [{ type: 'sigstoreSigned', keyPath: join(work, 'cosign.pub') }] };
  writeFileSync(policyFile, JSON.stringify(demands));
  const run = ['run', 'localhost/rootfs:1', '--masters', '127.0.0.1', '--port', String(sshd.port), '-i', sshd.keyFile];
  const dry = [...run, '--known-hosts', sshd.knownHosts, '--dry-run'];
  for (const args of [['gen', 'localhost/rootfs:1', '--masters', '10.0.0.1'], dry]) {
    const refused = call(...args);
    assert.equal(refused.status, 2, refused.stderr);
    assert.match(refused.stderr, /localhost\/rootfs:1 is refused: it has no signature, .*policy\.json \(scope 'default'\) demands\n/);
  }
  succeeds('sign', 'localhost/rootfs:1');
  assert.match(succeeds('gen', 'localhost/rootfs:1', '--masters', '10.0.0.1'), /localhost\/rootfs:1/);
  assert.doesNotMatch(call(...dry).stderr, /refused/);

  const other = call(...dry, '--verify-key', 'other.pub');
  assert.equal(other.status, 2);
  assert.match(other.stderr, /its signature is not with other\.pub/);
  assert.doesNotMatch(call(...dry, '--verify-key', 'other.pub', '--verify-key', 'cosign.pub').stderr, /refused/);
});

test('what is at a registry is signed and verified there, and pulled only with the key', () => {
  rmSync(policyFile, { force: true });
  const name = `${registry.address}/team/app:1`;
  succeeds('tag', 'localhost/rootfs:1', name);
  succeeds('push', '-q', name);
  assert.match(succeeds('sign', '-a', 'stage=tested', `docker://${name}`), /sha256:[0-9a-f]{64} is signed\n$/);
  const claims = JSON.parse(succeeds('verify', '--key', 'cosign.pub', '-a', 'stage=tested', '-o', 'json', `docker://${name}`));
  assert.equal(claims[0].critical.identity['docker-reference'], name);
  assert.deepEqual(claims[0].optional, { stage: 'tested' });
  const untold = call('verify', '--key', 'cosign.pub', '-a', 'stage=released', '--registry', name);
  assert.equal(untold.status, 2);
  assert.match(untold.stderr, /no signature says stage=released/);

  succeeds('rmi', '--all', '--force');
  assert.equal(call('pull', '--verify-key', 'other.pub', name).status, 2);
  assert.equal(succeeds('images', '-q'), '');
  succeeds('pull', '-q', '--verify-key', 'cosign.pub', name);
  assert.match(succeeds('verify', '--key', 'cosign.pub', name), /signed with cosign\.pub as /);
});
