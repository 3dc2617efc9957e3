// The program on control planes, as images' scripts find it there: on lab hosts that have no Node. Needs root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  type Address,
  type Clusterfile,
  clusterFromFlags,
  executePlan,
  formatClusterfile,
  type Host,
  openHost,
  type Plan,
  undoPlan,
} from '@sealos/runtime';
import { type Lab, type LabHost, openLab } from '../../packages/lab/src/index.ts';
import { hostLayout } from '../../packages/runtime/src/layout.ts';
import type { ExecutableFile } from '../../packages/runtime/src/run/own-executable.ts';
import { clusterfileForMasters, masterAccessSteps } from '../../packages/runtime/src/steps/master-access.ts';
import { sealosExecutableStep } from '../../packages/runtime/src/steps/sealos-executable.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { executableIn } from '../support/executable.ts';

ensureInstalled(['systemd-container', 'debootstrap', 'iproute2', 'openssh-client', 'zstd']);

const work = mkdtempSync(join(tmpdir(), 'sealos-executable-hosts-'));
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos', 'lab');
const layout = hostLayout('default');
const signal = new AbortController().signal;
const lab: Lab = openLab({ directory: cache, name: `test-executable-${process.pid}` });
let hosts: readonly LabHost[] = [];
let opened: readonly Host[] = [];
let executable: ExecutableFile;

const at = <T>(list: readonly T[], index: number): T => {
  const found = list[index];
  assert.ok(found);
  return found;
};

/** Runs something on a host as root, without the code under test. */
async function on(
  index: number,
  command: string,
): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  const [program = '', ...args] = await lab.ssh(at(hosts, index).name, [command]);
  return spawnSync(program, args, { encoding: 'utf8' });
}

async function output(index: number, command: string): Promise<string> {
  const { status, stdout, stderr } = await on(index, command);
  assert.equal(status, 0, `${command}: ${stderr}`);
  return stdout;
}

function hostOf(address: Address): Host {
  const found = opened.find((host) => host.address.ip === address.ip);
  assert.ok(found);
  return found;
}

const addressOf = ({ ip, port }: LabHost): Address => ({ ip, port });

/** The steps for a cluster whose control planes are the first hosts, as many as said. */
function planFor(masterCount: number, sent = executable): Plan {
  const addresses = hosts.map(addressOf);
  const masters = addresses.slice(0, masterCount);
  const cluster = {
    ...clusterFromFlags({
      name: 'default',
      images: ['localhost/kubernetes:v1'],
      masters: masters.map(({ ip }) => ip).join(','),
      nodes: addresses
        .slice(masterCount)
        .map(({ ip }) => ip)
        .join(','),
      ssh: { user: 'root', pk: '/home/operator/.ssh/key' },
    }),
    createdAt: '2026-01-01T00:00:00Z',
  };
  const file: Clusterfile = { cluster, configs: [], kubeadm: [] };
  return {
    steps: [
      sealosExecutableStep({ layout, masters: masters.map((address) => ({ address, executable: sent, compression: 'zstd' })), needs: [] }),
      ...masterAccessSteps({
        cluster: 'default',
        masters,
        hosts: addresses.map((address) => ({ address, user: 'root' })),
        hostOf,
        clusterfile: async () => formatClusterfile(clusterfileForMasters(file)),
        needs: ['sealos-executable'],
      }),
    ],
  };
}

const apply = async (plan: Plan) => (await executePlan(plan, hostOf, { signal, onEvent: () => {} })).changed;
const undo = (plan: Plan) => undoPlan(plan, hostOf, { signal, onEvent: () => {} });

const TRACES =
  "find /root/.ssh /root/.sealos /usr/bin/sealos /usr/bin/.sealos* -type f -exec sha256sum {} + 2>/dev/null | sort; stat -c '%a %U' /root/.ssh/authorized_keys";
let traces: readonly string[] = [];

function describeFile(path: string): ExecutableFile {
  const content = readFileSync(path);
  return { path, size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

before(async () => {
  const program = await executableIn(work);
  executable = describeFile(program);
  hosts = await lab.up({ count: 2 });
  opened = await Promise.all(
    hosts.map((host) =>
      openHost({ address: addressOf(host), user: 'root', credentials: { keyFile: host.sshKey }, knownHosts: host.knownHosts, signal }),
    ),
  );
  traces = await Promise.all([output(0, TRACES), output(1, TRACES)]);
});

after(async () => {
  for (const host of opened) await host[Symbol.asyncDispose]();
  await lab.down();
  rmSync(work, { recursive: true, force: true });
});

test('a control plane without Node gets the program, and runs it', async () => {
  assert.notEqual((await on(0, 'command -v node nodejs')).status, 0, 'the host has no Node');
  assert.ok((await apply(planFor(1))) > 0);
  assert.match(await output(0, 'sealos version'), /^sealos v\d+\.\d+\.\d+ \(.*linux\//);
  assert.equal((await output(0, 'sha256sum /usr/bin/sealos')).split(' ')[0], executable.sha256);
  assert.equal((await output(0, 'stat -c "%a %u:%g" /usr/bin/sealos')).trim(), '755 0:0');
  assert.notEqual((await on(1, 'command -v sealos')).status, 0, 'workers get nothing');
});

test('a second run finds nothing to do', async () => {
  assert.equal(await apply(planFor(1)), 0);
});

test('`sealos exec` and `sealos scp` work there, on all hosts, as scripts call them', async () => {
  const names = await output(0, 'sealos exec hostname');
  assert.deepEqual(names.trim().split('\n').sort(), hosts.map(({ ip, name }) => `${ip}\t${name}`).sort());
  assert.equal((await output(0, 'sealos exec -r node hostname')).trim(), `${at(hosts, 1).ip}\t${at(hosts, 1).name}`);
  await output(0, 'mkdir -p /srv/w && cd /srv/w && echo content > file && sealos scp -r node file /srv/copied/file');
  assert.equal(await output(1, 'cat /srv/copied/file'), 'content\n');
  assert.equal((await on(0, 'sealos exec -r node "exit 7"')).status, 1);
});

test('no key or password of the operator is on the hosts', async () => {
  const operatorKey = readFileSync(at(hosts, 0).sshKey, 'utf8').split('\n')[2];
  assert.ok(operatorKey);
  assert.notEqual((await on(0, `grep -rqF '${operatorKey}' /root /etc/ssh /var/lib/sealos`)).status, 0);
  assert.equal(
    (await output(0, 'stat -c %a /root/.sealos/default /root/.sealos/default/ssh/id_ed25519 /root/.sealos/default/Clusterfile')).trim(),
    '700\n600\n600',
  );
  assert.doesNotMatch(await output(0, 'cat /root/.sealos/default/Clusterfile'), /operator\/.ssh/);
  assert.notEqual((await on(1, 'ls /root/.sealos')).status, 0, 'workers have no key');
});

test("a control plane's key opens nothing from elsewhere, and no forwarding", async () => {
  const stolen = join(work, 'stolen');
  writeFileSync(stolen, await output(0, 'cat /root/.sealos/default/ssh/id_ed25519'), { mode: 0o600 });
  const options = [
    '-o',
    'BatchMode=yes',
    '-o',
    'IdentitiesOnly=yes',
    '-o',
    'IdentityAgent=none',
    '-o',
    `UserKnownHostsFile=${at(hosts, 1).knownHosts}`,
  ];
  const { ip, port } = at(hosts, 1);
  const stranger = spawnSync('ssh', ['-F', 'none', '-i', stolen, ...options, '-p', `${port}`, `root@${ip}`, 'true'], { encoding: 'utf8' });
  assert.equal(stranger.status, 255);
  assert.match(stranger.stderr, /Permission denied/);
  const ssh = `ssh -i /root/.sealos/default/ssh/id_ed25519 -o BatchMode=yes -o StrictHostKeyChecking=yes -o ExitOnForwardFailure=yes`;
  assert.equal((await on(0, `${ssh} root@${ip} true`)).status, 0, "OpenSSH's own client gets in, and knows the host's key");
  assert.notEqual((await on(0, `${ssh} -W 127.0.0.1:22 root@${ip} < /dev/null`)).status, 0, 'no connections through the host');
});

test('a new build takes the place of the old one, and a half-sent one is replaced', async () => {
  const other = join(work, 'other');
  writeFileSync(other, '#!/bin/sh\necho another build\n');
  await output(0, 'echo half > /usr/bin/.sealos.sealos-new');
  assert.equal(await apply(planFor(1, describeFile(other))), 1);
  assert.equal(await output(0, 'sealos'), 'another build\n');
  assert.equal(await apply(planFor(1)), 1);
  assert.match(await output(0, 'sealos version'), /^sealos v/);
  assert.notEqual((await on(0, 'ls /usr/bin/.sealos.sealos-new')).status, 0);
});

test('a second control plane is let in by all, and let in no more when it leaves', async () => {
  await apply(planFor(2));
  assert.equal((await output(1, 'sealos exec hostname')).trim().split('\n').length, 2);
  assert.equal((await output(0, "grep -c 'sealos:default:' /root/.ssh/authorized_keys")).trim(), '2');
  assert.equal(await apply(planFor(2)), 0);
  await apply(planFor(1));
  assert.equal((await output(0, "grep -c 'sealos:default:' /root/.ssh/authorized_keys")).trim(), '1');
  assert.notEqual((await on(1, 'timeout 60 sealos exec -r master hostname')).status, 0);
});

test('the state of an operator who works on the control plane is never overwritten', async () => {
  const before = await output(0, 'cat /root/.sealos/default/Clusterfile');
  const own = before.slice(before.indexOf('\n') + 1);
  await output(0, `sed -i 1d /root/.sealos/default/Clusterfile && echo '# mine' >> /root/.sealos/default/Clusterfile`);
  assert.equal(await apply(planFor(1)), 0);
  assert.equal(await output(0, 'cat /root/.sealos/default/Clusterfile'), `${own}# mine\n`);
  await output(0, 'rm /root/.sealos/default/Clusterfile');
  assert.equal(await apply(planFor(1)), 1);
});

test('the undo leaves nothing, and keys that others put there stay', async () => {
  await undo(planFor(2));
  assert.deepEqual(await Promise.all([output(0, TRACES), output(1, TRACES)]), traces);
  await undo(planFor(2));
  assert.deepEqual(await Promise.all([output(0, TRACES), output(1, TRACES)]), traces, 'twice is the same');
});

test('a program of that name that came from elsewhere stays, also after the undo', async () => {
  await output(0, 'printf "#!/bin/sh\\necho theirs\\n" > /usr/bin/sealos && chmod 755 /usr/bin/sealos');
  await apply(planFor(1));
  assert.equal(await output(0, 'sealos'), 'theirs\n');
  await undo(planFor(1));
  assert.equal(await output(0, 'sealos'), 'theirs\n');
});
