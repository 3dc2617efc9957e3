// The product's main line, on real parts: images built, moved in every way, run on two servers made here, killed, repeated, removed.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { type LabHost, openLab } from '@sealos/lab';
import { buildClusterImages, imageNames, runProgram } from '../../scripts/cluster-images.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { until } from '../support/until.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const lab = openLab({ name: 'test-two-hosts' });
const work = mkdtempSync(join(tmpdir(), 'sealos-two-hosts-'));
const built = { SEALOS_STORAGE: join(work, 'built'), SEALOS_RUNTIME_ROOT: join(work, 'state') };
const pulled = { ...built, SEALOS_STORAGE: join(work, 'pulled') };
const loaded = { ...built, SEALOS_STORAGE: join(work, 'loaded') };
let hosts: readonly LabHost[] = [];

const PASSWORD = 'the-login-of-two-hosts';
const log = (line: string) => console.log(`# ${line}`);
const call = (env: NodeJS.ProcessEnv, ...args: readonly string[]) => runProgram([sealos, ...args], { env, onLine: log });

function host(index: number): LabHost {
  const found = hosts[index];
  assert.ok(found, `lab host ${index} is up`);
  return found;
}

async function on(index: number, command: string): Promise<string> {
  return runProgram(await lab.ssh(host(index).name, [command]), { onLine: () => {} });
}

const kubectl = (command: string) => on(0, `kubectl ${command}`);

async function digestOf(env: NodeJS.ProcessEnv, name: string): Promise<string | undefined> {
  const images: readonly { readonly name: string; readonly digest: string }[] = JSON.parse(await call(env, 'images', '-o', 'json'));
  return images.find((image) => image.name === name)?.digest;
}

/** The images as they are run: by name, by name and digest, and by digest alone. */
const pinned = { kubernetes: '', hostgw: imageNames.hostgw, whoami: '' };

const runArguments = () => [
  'run',
  pinned.kubernetes,
  pinned.hostgw,
  pinned.whoami,
  '--masters',
  host(0).ip,
  '--nodes',
  host(1).ip,
  '-i',
  host(0).sshKey,
  '--known-hosts',
  host(0).knownHosts,
];

interface Event {
  readonly kind: string;
  readonly step?: string;
}

interface Ending {
  /** The step was begun, and the signal sent. */
  readonly reached: boolean;
  readonly status: number | null;
}

/** Starts the run and sends the operator a signal when the named step begins. */
function runStoppedAt(step: string, signal: NodeJS.Signals): Promise<Ending> {
  return new Promise((resolve, reject) => {
    const child = spawn(sealos, [...runArguments(), '--log-format', 'json'], {
      env: { ...process.env, ...loaded },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let reached = false;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (!line.startsWith('{')) return;
      const event: Event = JSON.parse(line);
      if (event.kind !== 'step-started' || event.step !== step) return;
      reached = true;
      child.kill(signal);
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ reached, status }));
  });
}

/** All nodes Ready, every pod of every namespace running, the application's pods on both hosts. */
async function assertClusterWorks(): Promise<void> {
  await until('both nodes to be ready', 180_000, async () =>
    (await kubectl('get nodes --no-headers')).match(/ Ready /g)?.length === 2 ? true : undefined,
  );
  await kubectl('rollout status daemonset/whoami --timeout=180s');
  await until('every pod to run', 120_000, async () => {
    const phases = (await kubectl('get pods -A --no-headers')).trim().split('\n');
    return phases.every((line) => / (Running|Completed) /.test(line)) ? true : undefined;
  });
  const pods = (
    await kubectl(`get pods -l app=whoami -o 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP} {.spec.nodeName}{"\\n"}{end}'`)
  )
    .trim()
    .split('\n')
    .map((line) => line.split(' '));
  assert.equal(pods.length, 2);
  assert.equal(new Set(pods.map(([, , node]) => node)).size, 2, 'the two pods are on different hosts');
  // Each host asks the pod on the other one for its peer: from pod to pod, over the pod network.
  for (const [from, to] of [
    [pods[0], pods[1]],
    [pods[1], pods[0]],
  ]) {
    const answer = await until('a pod to reach the other', 30_000, () =>
      on(0, `curl -sf --max-time 5 'http://${from?.[1]}:8080/peer?url=http://${to?.[1]}:8080/'`),
    );
    assert.match(answer, new RegExp(to?.[0] ?? '-'), 'the answer names the other pod');
  }
}

before(async () => {
  mkdirSync(built.SEALOS_RUNTIME_ROOT, { recursive: true });
  await buildClusterImages({ storage: built.SEALOS_STORAGE, onLine: log });
  pinned.kubernetes = `localhost/kubernetes@${await digestOf(built, imageNames.kubernetes)}`;
  pinned.whoami = `${imageNames.whoami}@${await digestOf(built, imageNames.whoami)}`;
  hosts = await lab.up({ count: 2 });
});

after(async () => {
  await lab.down();
  rmSync(work, { recursive: true, force: true });
});

test('images go through a registry and an archive file unchanged', async () => {
  await using registry = await startDockerRegistry();
  const names = Object.values(imageNames);
  for (const name of names) {
    const remote = name.replace('localhost/', `${registry.address}/`);
    await call(built, 'push', name, remote);
    await call(pulled, 'pull', remote);
    await call(pulled, 'tag', remote, name);
  }
  await call(pulled, 'save', '-o', join(work, 'images.tar'), ...names);
  await call(loaded, 'load', '-i', join(work, 'images.tar'));
  for (const name of names) {
    const digest = await digestOf(built, name);
    assert.ok(digest);
    assert.equal(await digestOf(loaded, name), digest);
  }
  rmSync(join(work, 'images.tar'));
});

test('a dry run shows the plan and changes nothing', async () => {
  const before = await on(0, 'find /etc /var/lib /usr -newer /proc/1 -type f | sort');
  const output = await call(loaded, ...runArguments(), '--dry-run');
  assert.match(output, /kubeadm init/);
  assert.equal(await on(0, 'find /etc /var/lib /usr -newer /proc/1 -type f | sort'), before);
});

test('what can be known to be wrong is refused before any host is touched', async () => {
  const context = join(work, 'arm');
  mkdirSync(context);
  writeFileSync(
    join(context, 'Kubefile'),
    'FROM scratch\nLABEL sealos.io.type=rootfs sealos.io.version=v1beta1 version=v1.20.2\nCOPY Kubefile .\n',
  );
  await call(loaded, 'build', '-q', '-t', 'localhost/arm:1', '--platform', 'linux/arm64', context);
  const wrongKey = join(work, 'known_hosts.wrong');
  const other = join(work, 'other');
  await runProgram(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', other], { onLine: log });
  writeFileSync(wrongKey, `${host(0).ip} ${readFileSync(`${other}.pub`, 'utf8')}`);
  const reach = ['--masters', host(0).ip, '--nodes', host(1).ip];
  const login = ['-i', host(0).sshKey, '--known-hosts', host(0).knownHosts];
  const cases: readonly [RegExp, readonly string[]][] = [
    [/is an application image, and there is no cluster yet/, ['run', imageNames.whoami, ...reach, ...login]],
    [/localhost\/arm:1 is not for linux\/amd64: it is for linux\/arm64/, ['run', 'localhost/arm:1', ...reach, ...login]],
    [/cannot log in as root: .*password/, ['run', imageNames.kubernetes, ...reach, '-p', 'wrong', '--known-hosts', host(0).knownHosts]],
    [/its key is not the one that is known/, ['run', imageNames.kubernetes, ...reach, '-i', host(0).sshKey, '--known-hosts', wrongKey]],
    [/nothing listens there/, ['run', '127.0.0.1:1/absent:1', ...reach, ...login]],
  ];
  for (const [says, words] of cases) {
    const { status, stderr } = spawnSync(sealos, words, {
      env: { ...process.env, ...loaded, HOME: work, SSH_AUTH_SOCK: '' },
      encoding: 'utf8',
    });
    assert.equal(status, 2, stderr);
    assert.match(stderr, says);
  }
  for (const index of [0, 1]) assert.equal(await on(index, 'ls -d /var/lib/sealos 2>/dev/null || true'), '');
  assert.deepEqual(readdirSync(built.SEALOS_RUNTIME_ROOT), [], 'nor is anything kept of it here');
});

/** Whatever a run had started on a host, or left beside its files there. */
const REMAINS = "ls -d /var/tmp/sealos-* 2>/dev/null; ps -eo args= | grep -E '^(tar|zstd|gzip) |[s]cripts/' || true";

for (const [step, signal] of [
  ['layers', 'SIGINT'],
  ['layers', 'SIGKILL'],
  ['check', 'SIGINT'],
  ['init', 'SIGKILL'],
  ['kubeadm-init', 'SIGKILL'],
] as const) {
  test(`the operator gets ${signal} when '${step}' begins, and no process of its is left on a host`, async () => {
    const { reached, status } = await runStoppedAt(step, signal);
    assert.ok(reached, `the run got as far as ${step}`);
    for (const index of [0, 1]) {
      await until('what was started on the host to be gone', 20_000, async () => ((await on(index, REMAINS)) === '' ? true : undefined));
    }
    if (signal !== 'SIGINT') return;
    assert.equal(status, 130);
    const left = readdirSync(join(built.SEALOS_RUNTIME_ROOT, 'default')).filter((name) => name.includes('lock') || name.includes('new'));
    assert.deepEqual(left, [], 'Ctrl-C leaves no lock and no temporary file');
  });
}

test('run again, it goes on to a working cluster', async () => {
  await call(loaded, ...runArguments());
  await assertClusterWorks();
});

test('a third run begins no step, and says that nothing was changed', async () => {
  assert.match(await call(loaded, ...runArguments()), /nothing was changed/);
  const events = (await call(loaded, ...runArguments(), '--log-format', 'json')).split('\n').filter((line) => line.startsWith('{'));
  const kinds = events.map((line) => (JSON.parse(line) as Event).kind);
  assert.ok(kinds.includes('step-skipped'), kinds.join(' '));
  assert.ok(!kinds.includes('step-started'), kinds.join(' '));
});

test('commands and files reach the hosts that are chosen by role or address', async () => {
  const login = ['--known-hosts', host(0).knownHosts];
  assert.match(await call(loaded, 'exec', '-r', 'node', 'hostname', ...login), new RegExp(`^${host(1).ip}\th2$`, 'm'));
  const { status, stdout, stderr } = spawnSync(sealos, ['exec', 'echo on $(hostname); test $(hostname) = h1', 'echo second', ...login], {
    env: { ...process.env, ...loaded },
    encoding: 'utf8',
  });
  assert.equal(status, 1, 'one of the hosts failed');
  assert.match(stderr, new RegExp(`^sealos: ${host(1).ip}: exit status 1$`, 'm'));
  assert.deepEqual(stdout.trim().split('\n').sort(), [`${host(0).ip}\ton h1`, `${host(0).ip}\tsecond`, `${host(1).ip}\ton h2`]);
  writeFileSync(join(work, 'note'), 'carried\n', { mode: 0o640 });
  await call(loaded, 'scp', join(work, 'note'), '/opt/notes/', '--ips', host(1).ip, ...login);
  assert.equal(await on(1, 'cat /opt/notes/note; stat -c %a /opt/notes/note; ls -A /opt/notes'), 'carried\n640\nnote\n');
  assert.equal(await on(0, 'ls -d /opt/notes 2>/dev/null || true'), '');
});

test("the registry's login is changed: the old one is refused, the new one is what all hosts use", async () => {
  const words = ['registry', 'passwd', '--username', 'carla', '--password-stdin', '--known-hosts', host(0).knownHosts];
  const { status, stderr } = spawnSync(sealos, words, { env: { ...process.env, ...loaded }, input: `${PASSWORD}\n`, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  for (const index of [0, 1]) {
    await until(`an image to be fetched anew on host ${index}`, 60_000, async () => {
      await on(index, 'crictl pull sealos.local/whoami:1.0');
      return true;
    });
  }
  const asked = (login: string) => on(1, `curl -s -o /dev/null -w '%{http_code}' -u ${login} http://sealos.hub:5000/v2/`);
  assert.equal(await asked(`carla:${PASSWORD}`), '200');
  assert.equal(await asked(`admin:${PASSWORD}`), '401');
});

test('a worker is added by naming it, and one that is not named any more is not taken away', async () => {
  hosts = await lab.up({ count: 3 });
  const nodes = runArguments().indexOf('--nodes') + 1;
  const withNodes = (list: string) => runArguments().with(nodes, list);
  await call(loaded, ...withNodes(`${host(1).ip},${host(2).ip}`));
  await until('three nodes to be ready', 120_000, async () =>
    (await kubectl('get nodes --no-headers')).match(/ Ready /g)?.length === 3 ? true : undefined,
  );
  await kubectl('rollout status daemonset/whoami --timeout=180s');
  const { status, stderr } = spawnSync(sealos, withNodes(host(2).ip), { env: { ...process.env, ...loaded }, encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, new RegExp(`${host(1).ip} belongs to cluster default but is not named`));
});

test('certificates last a hundred years, and no secret lies in the stored Clusterfile', async () => {
  const end = await on(0, 'openssl x509 -enddate -noout -in /etc/kubernetes/pki/apiserver.crt 2>/dev/null || true');
  if (end) assert.match(end, /21\d\d GMT/);
  const clusterfile = await runProgram(['cat', join(built.SEALOS_RUNTIME_ROOT, 'default', 'Clusterfile')], { onLine: () => {} });
  assert.doesNotMatch(clusterfile, /passwd|BEGIN/);
});

test('reset leaves hosts on which a second run works', async () => {
  await call(loaded, 'reset', '--yes', '--known-hosts', host(0).knownHosts);
  for (const index of hosts.keys()) {
    assert.equal(
      await on(
        index,
        'ls /var/lib/sealos/data 2>/dev/null; ls -d /etc/kubernetes /var/lib/kubelet/pki /var/lib/etcd /var/lib/registry 2>/dev/null; true',
      ),
      '',
    );
    assert.equal(await on(index, 'grep -E "sealos.hub|apiserver.cluster.local|lvscare" /etc/hosts || true'), '');
    assert.equal(await on(index, 'pgrep -x "kubelet|containerd|etcd|kube-apiserver|registry" || true'), '');
    assert.equal(await on(index, 'grep -E "/var/lib/(kubelet|containerd)|/run/(netns|containerd)" /proc/mounts || true'), '');
  }
  await call(loaded, ...runArguments());
  await assertClusterWorks();
});
