// A cluster's registry, Debian's docker-registry as a unit of a real server, over SSH: what is in it, and another login for it. Needs root.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { openStore } from '@sealos/image';
import { hashSync } from 'bcryptjs';
import { type Lab, type LabHost, openLab } from '../../packages/lab/src/index.ts';
import { ensureInstalled, unpacked } from '../../scripts/debian.ts';
import { file, makeImage } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { sealos } from '../support/registry-images.ts';
import { until } from '../support/until.ts';

ensureInstalled(['systemd-container', 'debootstrap', 'iproute2', 'openssh-client', 'skopeo', 'curl']);

const work = mkdtempSync(join(tmpdir(), 'sealos-registry-passwd-'));
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos', 'lab');
const state = join(work, 'state', 'default');
const rootfs = '/var/lib/sealos/data/default/rootfs';
const OLD = 'the-old-secret';
let lab: Lab;
let hosts: readonly LabHost[];

async function on(host: LabHost, command: string, input?: string | Buffer): Promise<string> {
  const [program = '', ...args] = await lab.ssh(host.name, [command]);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const ended = new Promise((resolve) => child.on('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout;
}

const put = (host: LabHost, path: string, content: string | Buffer) => on(host, `mkdir -p "$(dirname ${path})" && cat > ${path}`, content);

/** What a public image's scripts and ours leave on a host. */
const CLIENT_FILES: Readonly<Record<string, string>> = {
  [`${rootfs}/etc/registry.yml`]: `domain: "sealos.hub"\nport: "5000"\nusername: "admin"\npassword: "${OLD}"\ndata: "/var/lib/registry"\n`,
  '/etc/image-cri-shim.yaml': `address: http://sealos.hub:5000\nauth: admin:${OLD}\nforce: true\n`,
  '/etc/containerd/certs.d/_default/hosts.toml': `[host."http://sealos.hub:5000"]\n  capabilities = ["pull"]\n  [host."http://sealos.hub:5000".header]\n    Authorization = "Basic ${Buffer.from(`admin:${OLD}`).toString('base64')}"\n`,
};
const SHIM_UNIT = '[Service]\nExecStart=/bin/sleep infinity\n';
const REGISTRY_UNIT = '[Service]\nExecStart=/usr/bin/registry serve /etc/registry/registry_config.yml\n';
const REGISTRY_CONFIG = JSON.stringify({
  version: '0.1',
  storage: { filesystem: { rootdirectory: '/var/lib/registry' }, delete: { enabled: true }, cache: { blobdescriptor: 'inmemory' } },
  http: { addr: ':5000' },
  auth: { htpasswd: { realm: 'Registry Realm', path: '/etc/registry/registry_htpasswd' } },
});

before(async () => {
  lab = openLab({ directory: cache, name: `test-passwd-${process.pid}` });
  hosts = await lab.up({ count: 2 });
  const [master, worker] = hosts;
  assert.ok(master && worker);
  await put(master, '/usr/bin/registry', readFileSync(join(unpacked('docker-registry'), 'usr', 'bin', 'docker-registry')));
  await put(master, '/etc/registry/registry_config.yml', REGISTRY_CONFIG);
  await put(master, '/etc/registry/registry_htpasswd', `admin:${hashSync(OLD, 4)}\n`);
  await put(master, '/etc/systemd/system/registry.service', REGISTRY_UNIT);
  for (const host of hosts) {
    for (const [path, content] of Object.entries(CLIENT_FILES)) await put(host, path, content);
    await put(host, '/etc/systemd/system/image-cri-shim.service', SHIM_UNIT);
    await on(host, 'systemctl daemon-reload && systemctl start image-cri-shim');
  }
  await on(master, 'chmod +x /usr/bin/registry && systemctl start registry');
  mkdirSync(join(state, 'etc'), { recursive: true, mode: 0o700 });
  writeFileSync(
    join(state, 'Clusterfile'),
    `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  image: [localhost/kubernetes:v1]
  ssh: {user: root, pk: ${master.sshKey}}
  hosts:
  - {ips: ["${master.ip}:22"], roles: [master, amd64]}
  - {ips: ["${worker.ip}:22"], roles: [node, amd64]}
status:
  phase: ClusterSuccess
  mounts:
  - {name: default-kubernetes, type: rootfs, imageName: localhost/kubernetes:v1, labels: {sealos.io.type: rootfs, version: v1.20.2}}
`,
  );
});

after(async () => {
  await lab.down();
  rmSync(work, { recursive: true, force: true });
});

/** Runs the command; `seen` is its list of arguments as others see it. */
async function passwd(password: string, ...args: readonly string[]) {
  const [master] = hosts;
  assert.ok(master);
  const child = spawn(sealos, ['registry', 'passwd', '--password-stdin', '--known-hosts', master.knownHosts, ...args], {
    env: { ...process.env, HOME: work, SSH_AUTH_SOCK: '', SEALOS_RUNTIME_ROOT: join(work, 'state') },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  child.stdin.end(`${password}\n`);
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { stdout, stderr, status };
}

async function statusOf(login: string): Promise<string> {
  const [master] = hosts;
  return until('the registry to answer', 60_000, async () => {
    const status = await run('curl', ['-s', '-o', '/dev/null', '-w', '%{http_code}', '-u', login, `http://${master?.ip}:5000/v2/`]).catch(
      () => '000',
    );
    return status === '000' ? undefined : status;
  });
}

const startedAt = (host: LabHost, unit: string) => on(host, `systemctl show ${unit} -p ActiveEnterTimestampMonotonic --value`);

test('the old login is refused, the new one taken, by the registry, on all hosts and for later runs', async () => {
  const [master, worker] = hosts;
  assert.ok(master && worker);
  assert.equal(await statusOf(`admin:${OLD}`), '200');
  const shims = await Promise.all(hosts.map((host) => startedAt(host, 'image-cri-shim')));
  const { stdout, stderr, status } = await passwd('a-new-secret', '--username', 'carol');
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'sealos.hub:5000 takes the login of carol now, and no other\n');
  assert.equal(await statusOf('carol:a-new-secret'), '200');
  for (const login of [`admin:${OLD}`, `carol:${OLD}`, 'admin:a-new-secret']) assert.equal(await statusOf(login), '401', login);

  for (const [index, host] of hosts.entries()) {
    assert.match(await on(host, `cat ${rootfs}/etc/registry.yml`), /^username: "carol"\npassword: "a-new-secret"$/m);
    assert.match(await on(host, 'cat /etc/image-cri-shim.yaml'), /^auth: "carol:a-new-secret"\nforce: true$/m);
    const header = Buffer.from('carol:a-new-secret').toString('base64');
    assert.match(
      await on(host, 'cat /etc/containerd/certs.d/_default/hosts.toml'),
      new RegExp(`^    Authorization = "Basic ${header}"$`, 'm'),
    );
    assert.notEqual(await startedAt(host, 'image-cri-shim'), shims[index]);
    const files = `stat -c %a ${Object.keys(CLIENT_FILES).join(' ')}`;
    assert.deepEqual((await on(host, files)).trim().split('\n'), ['600', '600', '600']);
    assert.equal(await on(host, `grep -rl ${OLD} /etc/image-cri-shim.yaml /etc/containerd /etc/registry ${rootfs} || true`), '');
  }
  const given = JSON.parse(readFileSync(join(state, 'etc', 'environment.json'), 'utf8'));
  assert.deepEqual(given, { 'localhost/kubernetes:v1': { registryUsername: 'carol', registryPassword: 'a-new-secret' } });
  assert.equal(await on(master, 'cat /etc/registry/registry_htpasswd'), readFileSync(join(state, 'etc', 'registry_htpasswd'), 'utf8'));
  assert.equal(statSync(join(state, 'etc', 'environment.json')).mode & 0o777, 0o600);
  assert.doesNotMatch(`${stdout}${stderr}`, /a-new-secret/);
  assert.equal(await run('grep', ['-rl', 'a-new-secret', join(state, 'logs')]).catch(() => ''), '');
});

test('a call that was cut off half-way is repeated', async () => {
  const [master, worker] = hosts;
  assert.ok(master && worker);
  // As after a kill between the registry and its clients: the registry has the new login, the hosts have not.
  await put(worker, '/etc/image-cri-shim.yaml', CLIENT_FILES['/etc/image-cri-shim.yaml'] ?? '');
  const { status, stderr } = await passwd('a-new-secret', '--username', 'carol');
  assert.equal(status, 0, stderr);
  assert.match(await on(worker, 'cat /etc/image-cri-shim.yaml'), /^auth: "carol:a-new-secret"$/m);
  assert.equal(await statusOf('carol:a-new-secret'), '200');
});

test('what is in the registry is listed, removed and cleaned from afar, while it runs', async () => {
  const [master] = hosts;
  assert.ok(master);
  const sealosCall = (...args: readonly string[]) =>
    run(sealos, ['registry', ...args, '-c', 'default', '--known-hosts', master.knownHosts], {
      HOME: work,
      SSH_AUTH_SOCK: '',
      SEALOS_RUNTIME_ROOT: join(work, 'state'),
    });
  const push = async (name: string) => {
    await using store = await openStore(join(work, 'store'));
    await makeImage(store, { name, layers: [[file('name', name)], [file('shared', 'the same in both')]] });
    const to = `docker://${master.ip}:5000/${name.replace('localhost/', '')}`;
    await run('skopeo', ['copy', '-q', '--dest-tls-verify=false', '--dest-creds', 'carol:a-new-secret', `oci:${store.path}:${name}`, to]);
  };
  await push('localhost/one:1');
  await push('localhost/team/two:1');
  assert.equal(await sealosCall('ls', '-q'), 'one:1\nteam/two:1\n');
  const [two] = JSON.parse(await sealosCall('ls', 'team/two', '-o', 'json'));
  assert.deepEqual([two.tag, two.platforms], ['1', ['linux/amd64']]);
  await sealosCall('rm', 'sealos.hub:5000/one:1');
  assert.equal(await sealosCall('ls', '-q'), 'team/two:1\n');

  const count = () => on(master, 'find /var/lib/registry/docker/registry/v2/blobs -name data | wc -l');
  const before = Number(await count());
  assert.match(await sealosCall('gc'), /^removed 0 contents, 0 B$/m, 'what came within the hour stays');
  assert.match(await sealosCall('gc', '--older-than', '0m', '--dry-run'), /^would remove 3 contents, /m);
  assert.equal(Number(await count()), before);
  const garbage = JSON.parse(await sealosCall('gc', '--older-than', '0m', '-o', 'json'));
  assert.deepEqual([garbage.blobs, before - Number(await count())], [3, 3]);
  assert.equal(await on(master, 'ls -A /var/lib/registry'), 'docker\n');
  // The registry knows that they are gone: it takes them again.
  await push('localhost/one:1');
  for (const name of ['one:1', 'team/two:1']) {
    const from = `docker://${master.ip}:5000/${name}`;
    await run('skopeo', ['copy', '-q', '--src-tls-verify=false', '--src-creds', 'carol:a-new-secret', from, `oci:${join(work, 'out')}:x`]);
  }
});

test('what is refused changes nothing: a bad login, no such cluster, a host that is away, a registry that reads another file', async () => {
  const [master, worker] = hosts;
  assert.ok(master && worker);
  const before = await on(master, 'cat /etc/registry/registry_htpasswd');
  for (const [password, ...args] of [
    ['short', '--username', 'carol'],
    ['has a blank', '--username', 'carol'],
    ['long-enough', '--username', 'c'],
    ['long-enough', '--username', 'carol', '-c', 'nothing'],
    ['long-enough', '--username', 'carol', '-p', 'relative'],
  ] as const) {
    const { status, stderr } = await passwd(password, ...args);
    assert.equal(status, 2, stderr);
    assert.doesNotMatch(stderr, /has a blank|unexpected/);
  }
  await lab.kill(worker.name);
  assert.equal((await passwd('long-enough', '--username', 'carol')).status, 2);
  await lab.start(worker.name);
  assert.equal(await on(master, 'cat /etc/registry/registry_htpasswd'), before);
  const { status, stderr } = await passwd('long-enough', '--username', 'carol', '-p', '/etc/registry/another');
  assert.equal(status, 1);
  assert.match(stderr, /the registry answers the new login with HTTP status 401\n.*--htpasswd-path/);
});
