// Bad input through the command line itself: one clear line and a hint, exit status 2, nothing changed.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openStore } from '@sealos/image';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { directory, file, makeImage } from '../support/images.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-bad-input-'));
const env = {
  ...process.env,
  SEALOS_STORAGE: join(work, 'store'),
  SEALOS_RUNTIME_ROOT: join(work, 'state'),
  HOME: join(work, 'home'),
  DOCKER_CONFIG: join(work, 'docker'),
  SSH_AUTH_SOCK: '',
};
let sshd: Sshd;
let plain: DockerRegistry;
let withLogin: DockerRegistry;
let withTls: DockerRegistry;

function call(...args: readonly string[]) {
  const result = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: work, input: '' });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** Everything that a refused call must leave as it is. */
function snapshot(): unknown {
  const index = JSON.parse(readFileSync(join(work, 'store', 'index.json'), 'utf8'));
  const blobs = readdirSync(join(work, 'store', 'blobs', 'sha256')).sort();
  return { index, blobs, work: readdirSync(work).sort(), state: readdirSync(join(work, 'state')) };
}

function context(name: string, kubefile: string | undefined, files: Readonly<Record<string, string>> = {}): string {
  const path = join(work, 'contexts', name);
  mkdirSync(path, { recursive: true });
  if (kubefile !== undefined) writeFileSync(join(path, 'Kubefile'), kubefile);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

before(async () => {
  for (const name of ['state', 'home', 'docker', 'contexts']) mkdirSync(join(work, name));
  await using store = await openStore(env.SEALOS_STORAGE);
  await makeImage(store, { name: 'localhost/app:1', layers: [[directory('bin'), file('bin/app', 'x'.repeat(100_000))]] });
  await makeImage(store, {
    name: 'localhost/rootfs:1',
    config: { Labels: { 'sealos.io.type': 'rootfs', 'sealos.io.version': 'v1beta1', version: 'v1.29.0' } },
    layers: [[file('a', 'b')]],
  });
  [sshd, plain, withLogin, withTls] = await Promise.all([
    startSshd(),
    startDockerRegistry(),
    startDockerRegistry({ htpasswd: { user: 'somebody', password: 'secret' } }),
    startDockerRegistry({ tls: true }),
  ]);
});

after(async () => {
  await Promise.all([sshd, plain, withLogin, withTls].map((server) => server[Symbol.asyncDispose]()));
  rmSync(work, { recursive: true, force: true });
});

const ssh = () => ['--port', String(sshd.port), '-i', sshd.keyFile, '--known-hosts', sshd.knownHosts];
const cases: readonly { readonly name: string; readonly args: () => readonly string[]; readonly says: RegExp }[] = [
  { name: 'a command that does not exist', args: () => ['frobnicate'], says: /unknown command 'frobnicate'/ },
  {
    name: 'a flag that does not exist',
    args: () => ['run', 'localhost/app:1', '--mastres', '10.0.0.1'],
    says: /unknown option '--mastres'/,
  },
  { name: 'a context without a Kubefile', args: () => ['build', '-t', 'x', context('empty', undefined)], says: /Kubefile/ },
  { name: 'a context that is not there', args: () => ['build', '-t', 'x', join(work, 'absent')], says: /absent/ },
  {
    name: 'an instruction that does not exist',
    args: () => ['build', '-t', 'x', context('unknown', 'FROM scratch\nCOPPY a b\n')],
    says: /Kubefile:2: .*COPPY/,
  },
  {
    name: 'a COPY of what is missing',
    args: () => ['build', '-t', 'x', context('missing', 'FROM scratch\nCOPY there /\nCOPY absent /\n', { there: '' })],
    says: /Kubefile:3: .*absent/,
  },
  {
    name: 'a COPY from outside the context',
    args: () => ['build', '-t', 'x', context('outside', 'FROM scratch\nCOPY ../../store /\n')],
    says: /Kubefile:2: .*(outside|not found|no such)/i,
  },
  {
    name: 'a FROM of an image that is nowhere',
    args: () => ['build', '-t', 'x', context('from', `FROM ${plain.address}/absent:1\n`)],
    says: /absent/,
  },
  { name: 'a name with upper case', args: () => ['build', '-t', 'localhost/App', context('upper', 'FROM scratch\n')], says: /upper case/ },
  {
    name: 'tagging an image that is not there',
    args: () => ['tag', 'localhost/absent', 'localhost/x'],
    says: /there is no image localhost\/absent/,
  },
  {
    name: 'saving an image that is not there',
    args: () => ['save', '-o', join(work, 'x.tar'), 'localhost/app:1', 'localhost/absent'],
    says: /there is no image localhost\/absent/,
  },
  {
    name: 'removing an image that is not there',
    args: () => ['rmi', 'localhost/app:1', 'localhost/absent'],
    says: /there is no image localhost\/absent/,
  },
  { name: 'an archive that is not there', args: () => ['load', '-i', join(work, 'absent.tar')], says: /there is no file .*absent\.tar/ },
  { name: 'a file that is no archive', args: () => ['load', '-i', sealos], says: /sealos/ },
  { name: 'an archive that is cut', args: () => ['load', '-i', join(work, 'contexts', 'cut.tar')], says: /cut\.tar/ },
  { name: 'a registry that is not there', args: () => ['pull', '127.0.0.1:1/x:1'], says: /127\.0\.0\.1:1/ },
  { name: 'an image that the registry does not have', args: () => ['pull', `${plain.address}/absent:1`], says: /absent/ },
  { name: 'a registry that wants a login', args: () => ['push', 'localhost/app:1', `${withLogin.address}/app:1`], says: /login/ },
  {
    name: 'a wrong password for a registry',
    args: () => ['login', '-u', 'somebody', '-p', 'wrong', withLogin.address],
    says: /does not accept the login of somebody/,
  },
  {
    name: 'a registry whose certificate is not known',
    args: () => ['push', 'localhost/app:1', `${withTls.address}/app:1`],
    says: /certificate/,
  },
  {
    name: 'a new password for a cluster that is not there',
    args: () => ['registry', 'passwd', '-c', 'absent'],
    says: /no cluster 'absent'/,
  },
  { name: 'a registry in what is no directory', args: () => ['registry', 'serve', 'fs', sealos], says: /it is not a directory/ },
  {
    name: 'a registry at a port that is taken',
    args: () => ['registry', 'serve', 'inmem', '-p', plain.address.split(':')[1] ?? ''],
    says: /something else listens there/,
  },
  {
    name: 'a time that is none',
    args: () => ['build', '--timestamp', 'yesterday', context('time', 'FROM scratch\n')],
    says: /--timestamp.*yesterday/,
  },
  {
    name: 'an address that is none',
    args: () => ['run', 'localhost/rootfs:1', '--masters', '10.0.0.300'],
    says: /'10\.0\.0\.300' is not an IP address/,
  },
  {
    name: 'one host as master and node',
    args: () => ['run', 'localhost/rootfs:1', '--masters', '127.0.0.1', '--nodes', '127.0.0.1'],
    says: /127\.0\.0\.1 is named both as master and as node/,
  },
  {
    name: 'a host that does not answer',
    args: () => ['run', 'localhost/rootfs:1', '--masters', '127.0.0.9', '--port', '1', '-i', sshd.keyFile],
    says: /127\.0\.0\.9.*nothing listens on port 1/,
  },
  {
    name: 'a password where a key is meant',
    args: () => ['run', 'localhost/rootfs:1', '--masters', '127.0.0.9', '-i', 'hunter2'],
    says: /private key hunter2 cannot be read/,
  },
  {
    name: 'a password file that is not there',
    args: () => ['run', 'localhost/rootfs:1', '--masters', '127.0.0.9', '--passwd-file', 'absent'],
    says: /--passwd-file absent: the file cannot be read \(ENOENT\)/,
  },
  {
    name: 'a configuration file that is not there',
    args: () => ['run', 'localhost/rootfs:1', '--masters', '127.0.0.9', '--config-file', 'absent'],
    says: /--config-file absent: the file cannot be read \(ENOENT\)/,
  },
  {
    name: 'a setting without a value',
    args: () => ['run', 'localhost/rootfs:1', '--masters', '127.0.0.9', '-e', 'KEY', ...ssh()],
    says: /'='/,
  },
  {
    name: 'a reset of a cluster that there is not',
    args: () => ['reset', '--cluster', 'absent', '--yes'],
    says: /there is no cluster 'absent'/,
  },
];

for (const { name, args, says } of cases) {
  test(`${name} is one line and a hint, exit status 2, and nothing is changed`, () => {
    writeFileSync(join(work, 'contexts', 'cut.tar'), '');
    if (name.includes('cut')) {
      assert.equal(call('save', '-q', '-o', join(work, 'contexts', 'whole.tar'), 'localhost/app:1').status, 0);
      const whole = readFileSync(join(work, 'contexts', 'whole.tar'));
      writeFileSync(join(work, 'contexts', 'cut.tar'), whole.subarray(0, whole.length / 2));
    }
    const words = args();
    const before = snapshot();
    const { status, stdout, stderr } = call(...words);
    assert.equal(status, 2, `${stdout}${stderr}`);
    assert.match(stderr, says);
    // What was under way may have been told before.
    const lines = stderr.slice(stderr.indexOf('sealos: ')).trim().split('\n');
    assert.ok(lines.length <= 2, `more than a line and a hint:\n${stderr}`);
    assert.match(lines[0] ?? '', /^sealos: /);
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack trace');
    assert.deepEqual(snapshot(), before);
  });
}
