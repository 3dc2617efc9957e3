// status, exec and scp on servers of which some are well, one never says anything and one is not there; over a real sshd.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { type Sshd, startSshd } from '../support/sshd.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-status-hosts-'));
const env = {
  ...process.env,
  HOME: work,
  SSH_AUTH_SOCK: '',
  SEALOS_RUNTIME_ROOT: join(work, 'state'),
  SEALOS_DATA_ROOT: join(work, 'data'),
};
let sshd: Sshd;
let silent: Server;
const held: Socket[] = [];

/** All on this machine: two addresses where sshd answers, one where something listens and says nothing, one where nothing listens. */
let hosts: { readonly master: string; readonly worker: string; readonly frozen: string; readonly absent: string };

before(async () => {
  sshd = await startSshd(['ListenAddress 127.0.0.2', 'ListenAddress 127.0.0.3']);
  const key = readFileSync(sshd.knownHosts, 'utf8').split(' ').slice(1).join(' ').trim();
  appendFileSync(sshd.knownHosts, `[127.0.0.2]:${sshd.port},[127.0.0.3]:${sshd.port} ${key}\n`);
  silent = createServer((socket) => void held.push(socket));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.4', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  hosts = { master: `127.0.0.2:${sshd.port}`, worker: `127.0.0.3:${sshd.port}`, frozen: `127.0.0.4:${port}`, absent: '127.0.0.5:1' };
  writeCluster('well', [hosts.master], [hosts.worker]);
  writeCluster('ill', [hosts.master], [hosts.worker, hosts.frozen, hosts.absent]);
});

after(async () => {
  for (const socket of held) socket.destroy();
  silent.close();
  await sshd[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

function writeCluster(name: string, masters: readonly string[], nodes: readonly string[]): void {
  mkdirSync(join(work, 'state', name), { recursive: true });
  const group = (ips: readonly string[], role: string) =>
    `  - ips: [${ips.map((ip) => `"${ip}"`).join(', ')}]\n    roles: [${role}, amd64]\n`;
  writeFileSync(
    join(work, 'state', name, 'Clusterfile'),
    `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata:
  name: ${name}
  creationTimestamp: "2026-01-01T00:00:00Z"
spec:
  image: [kubernetes:v1]
  ssh: {user: root, pk: ${sshd.keyFile}}
  hosts:
${group(masters, 'master')}${group(nodes, 'node')}status:
  phase: ClusterSuccess
`,
  );
}

async function call(...args: readonly string[]) {
  const child = spawn(sealos, [...args, '--known-hosts', sshd.knownHosts], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.end('this is not for the hosts\n');
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { stdout, stderr, status };
}

test('status shows every host, also those that are silent or gone, and says what to try', async () => {
  const { stdout, status } = await call('status', '-c', 'ill', '-o', 'json');
  assert.equal(status, 1);
  const report: {
    readonly hosts: readonly { readonly host: string; readonly unreachable?: string }[];
    readonly problems: readonly { readonly hint: string }[];
  } = JSON.parse(stdout);
  assert.deepEqual(
    report.hosts.map(({ host, unreachable }) => [host, unreachable === undefined ? 'up' : unreachable]),
    [
      [hosts.master, 'up'],
      [hosts.worker, 'up'],
      [hosts.frozen, 'no answer within 10 s'],
      [hosts.absent, report.hosts[3]?.unreachable],
    ],
  );
  assert.match(report.hosts[3]?.unreachable ?? '', /nothing listens|refused/);
  for (const { hint } of report.problems) assert.notEqual(hint, '');
});

test('status as text and as YAML tells the same', async () => {
  const [page, yaml] = await Promise.all([call('status', '-c', 'well'), call('status', '-c', 'well', '-o', 'yaml')]);
  assert.match(page.stdout, new RegExp(`^${hosts.master} +master +up`, 'm'));
  assert.match(page.stdout, /^ {2}127\.0\.0\.2:\d+: it has not joined the cluster \(repeat the last run/m);
  assert.match(yaml.stdout, /^name: well$/m);
  assert.deepEqual([page.status, yaml.status], [1, 1]);
});

test('a cluster that does not exist is bad input, and says how to find the others', async () => {
  const { status, stderr } = await call('status', '-c', 'nothing');
  assert.equal(status, 2);
  assert.match(stderr, /there is no cluster 'nothing'\n.*sealos clusters/);
});

test('exec runs where it can; hosts that fail or cannot be reached make the exit status 1', async () => {
  const { stdout, stderr, status } = await call('exec', '-c', 'ill', 'echo one', 'echo two', '--ips', `${hosts.worker},${hosts.absent}`);
  assert.equal(stdout, `${hosts.worker}\tone\n${hosts.worker}\ttwo\n`);
  assert.match(stderr, new RegExp(`^sealos: ${hosts.absent}: `, 'm'));
  assert.equal(status, 1);
});

test('exec: the first line that fails ends the work on its host, and its exit status is told', async () => {
  const { stdout, stderr, status } = await call('exec', '-c', 'well', 'echo begin; exit 7', 'echo never');
  assert.deepEqual(stdout.trim().split('\n').sort(), [`${hosts.master}\tbegin`, `${hosts.worker}\tbegin`]);
  assert.equal(stderr, `sealos: ${hosts.master}: exit status 7\nsealos: ${hosts.worker}: exit status 7\n`);
  assert.equal(status, 1);
});

test('exec chooses by role and by address, and passes no standard input on', async () => {
  assert.equal((await call('exec', '-c', 'well', '-r', 'node', 'cat; echo end')).stdout, `${hosts.worker}\tend\n`);
  assert.equal((await call('exec', '-c', 'well', '-r', 'master,node', '--ips', '127.0.0.2', 'echo x')).stdout, `${hosts.master}\tx\n`);
  const wrong = await call('exec', '-c', 'well', '-r', 'masters', 'true');
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /has the role masters\n +the roles there are master, amd64, node/);
  assert.equal((await call('exec', '-c', 'well', '--ips', '10.1.1.1', 'true')).status, 2);
});

test('scp brings a file where it can and names the hosts where it cannot', async () => {
  const source = join(work, 'note');
  writeFileSync(source, 'carried\n', { mode: 0o640 });
  const target = join(work, 'target', 'note');
  mkdirSync(dirname(target));
  const { stdout, stderr, status } = await call('scp', '-c', 'ill', source, target, '--ips', `${hosts.worker},${hosts.absent}`);
  assert.equal(stdout, `${hosts.worker}\t${source} -> ${target}\n`);
  assert.match(stderr, new RegExp(`^sealos: ${hosts.absent}: `, 'm'));
  assert.equal(status, 1);
  assert.ok(existsSync(target) && readFileSync(target, 'utf8') === 'carried\n');
});
