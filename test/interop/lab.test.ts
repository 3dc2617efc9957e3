// Real servers: systemd-nspawn, systemd, sshd, OpenSSH's client. Needs root.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { type Lab, type LabEvent, type LabHost, openLab } from '../../packages/lab/src/index.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { type Inhabitants, inhabitants, traces } from '../support/lab-traces.ts';
import { run } from '../support/programs.ts';
import { until } from '../support/until.ts';

ensureInstalled(['systemd-container', 'debootstrap', 'iproute2', 'openssh-client']);

// The base system is the one that the demo uses, made once; the labs have names of their own.
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos', 'lab');
const NOBODY: Inhabitants = { processes: new Set(), namespaces: new Set() };

function labNamed(name: string): { readonly lab: Lab; readonly directory: string } {
  const unique = `test-${name}-${process.pid}`;
  return { lab: openLab({ directory: cache, name: unique }), directory: join(cache, 'labs', unique) };
}

async function on(lab: Lab, host: string, command: string, user = 'root'): Promise<string> {
  const [program = '', ...args] = await lab.ssh(host, [command], { user });
  return (await run(program, args)).trim();
}

async function reaches(lab: Lab, from: string, to: LabHost): Promise<boolean> {
  return (await on(lab, from, `ping -c 1 -W 1 ${to.ip} >/dev/null && echo yes || echo no`)) === 'yes';
}

/** Whether a TCP connection to a host's sshd is answered within a second. */
async function answers(host: LabHost): Promise<boolean> {
  return await run('timeout', ['1', 'bash', '-c', `head -c 4 < /dev/tcp/${host.ip}/22`]).then(
    (text) => text === 'SSH-',
    () => false,
  );
}

test('two servers come up, can be reached, cut off, frozen, killed, started and made new, and go without a trace', {
  timeout: 300_000,
}, async (t) => {
  const { lab, directory } = labNamed('life');
  let seen = NOBODY;
  try {
    const [h1, h2] = await lab.up({ count: 2 });
    assert.ok(h1 && h2);
    seen = await inhabitants(lab.id);

    await t.test('systemd runs there with nothing failed, under the server’s own name and address', async () => {
      const said = await on(lab, 'h1', 'systemctl is-system-running --wait; hostname; hostname -I');
      assert.deepEqual(said.split('\n'), ['running', 'h1', h1.ip]);
    });

    await t.test('what Kubernetes needs is there: forwarding, shared mounts, writable cgroups of its own, its programs', async () => {
      assert.equal(await on(lab, 'h2', 'cat /proc/sys/net/ipv4/ip_forward; findmnt -no PROPAGATION /'), '1\nshared');
      await on(lab, 'h2', 'cd /sys/fs/cgroup; [ -d memory ] && cd memory; mkdir probe && rmdir probe');
      await on(
        lab,
        'h2',
        'for p in iptables nft ipset conntrack socat ethtool ebtables ip modprobe zstd curl tar gzip; do command -v $p || exit 1; done',
      );
      const hierarchy = await on(lab, 'h2', 'cat /proc/1/cgroup');
      assert.doesNotMatch(hierarchy, /h1|h2/, 'a server sees its own cgroup as the root');
    });

    await t.test('servers reach each other and the machine', async () => {
      assert.equal(await reaches(lab, 'h1', h2), true);
      assert.equal(await on(lab, 'h1', `ip route | grep -c 'default via ${h1.ip.replace(/\d+$/, '1')}'`), '1');
    });

    await t.test('op may use sudo without a password, opp with the lab’s, and root logs in by password too', async () => {
      const password = await lab.password();
      assert.equal((await stat(h1.passwordFile)).mode & 0o777, 0o600);
      assert.equal(await on(lab, 'h1', 'sudo -n id -u', 'op'), '0');
      await assert.rejects(on(lab, 'h1', 'sudo -n id -u', 'opp'));
      assert.equal(await on(lab, 'h1', `echo ${password} | sudo -S -p '' id -u`, 'opp'), '0');
      assert.equal(await byPassword(h1, password), 'root');
    });

    await t.test('a memory limit is not set unless asked for, and up again changes nothing', async () => {
      const events: LabEvent[] = [];
      const again = await lab.up({ count: 2, onEvent: (event) => events.push(event) });
      assert.deepEqual(events, []);
      assert.deepEqual(again, [h1, h2]);
    });

    await t.test('a server that is cut off reaches nobody until it is joined again', async () => {
      await lab.cut('h2');
      assert.equal(await reaches(lab, 'h1', h2), false);
      assert.equal((await lab.list())[1]?.state, 'cut');
      await lab.join('h2');
      await until('h2 to be reached', 60_000, async () => (await reaches(lab, 'h1', h2)) || undefined);
      assert.equal((await lab.list())[1]?.state, 'running');
    });

    await t.test('a frozen server keeps its network and does nothing until it is thawed', async () => {
      await lab.freeze('h2');
      assert.equal((await lab.list())[1]?.state, 'frozen');
      assert.equal(await reaches(lab, 'h1', h2), true, 'its kernel still answers pings');
      assert.equal(await answers(h2), false);
      await lab.thaw('h2');
      assert.equal(await answers(h2), true);
    });

    await t.test('a killed server is gone at once with all that ran in it; started again it has its disk, address and key', async () => {
      await on(lab, 'h1', 'echo here > /root/mark; sync; systemd-run --quiet sleep 987654');
      const before = await inhabitants(lab.id);
      await lab.freeze('h1'); // a frozen one dies as well
      await lab.kill('h1');
      const left = await inhabitants(lab.id);
      assert.ok(before.processes.size > left.processes.size);
      assert.equal((await lab.list())[0]?.state, 'stopped');
      await assert.rejects(lab.cut('h1'), { code: 'wrong-host-state' });
      await lab.start('h1');
      assert.equal(await on(lab, 'h1', 'cat /root/mark; hostname -I'), `here\n${h1.ip}`);
    });

    await t.test('a server made new has an empty disk and is still known by its key', async () => {
      await lab.reset('h1');
      await assert.rejects(on(lab, 'h1', 'cat /root/mark'));
      assert.equal(await on(lab, 'h1', 'hostname -I'), h1.ip);
    });

    await t.test('a third server joins the two, within the memory it is given', async () => {
      const hosts = await lab.up({ count: 3, memory: 512 * 2 ** 20 });
      assert.deepEqual(
        hosts.map(({ name, state }) => `${name} ${state}`),
        ['h1 running', 'h2 running', 'h3 running'],
      );
      const group = `*/sealos-lab-${lab.id}/h3/memory`;
      const found = await run('find', ['/sys/fs/cgroup', '(', '-path', `${group}.limit_in_bytes`, '-o', '-path', `${group}.max`, ')']);
      assert.equal(await readFile(found.trim(), 'utf8'), `${512 * 2 ** 20}\n`);
      seen = await inhabitants(lab.id);
    });
  } finally {
    await lab.down();
  }
  assert.ok(seen.processes.size > 10 && seen.namespaces.size === 3, 'the looking itself works');
  assert.deepEqual(await traces(lab.id, directory, seen), []);
});

/** Logs in with the password as a person does: OpenSSH's client asks a program for it. */
async function byPassword(host: LabHost, password: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'lab-askpass-'));
  try {
    const program = join(directory, 'askpass');
    await writeFile(program, `#!/bin/sh\necho '${password}'\n`, { mode: 0o700 });
    const settings = ['PubkeyAuthentication=no', `UserKnownHostsFile=${host.knownHosts}`, 'StrictHostKeyChecking=yes'];
    const args = ['-F', 'none', ...settings.flatMap((setting) => ['-o', setting]), `root@${host.ip}`, 'id -un'];
    return (await run('ssh', args, { SSH_ASKPASS: program, SSH_ASKPASS_REQUIRE: 'force' })).trim();
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** Takes a lab up in a process of its own and kills that process as soon as it tells of something that `when` knows. */
async function crash(directory: string, name: string, when: (event: LabEvent) => boolean): Promise<void> {
  const script = join(import.meta.dirname, '..', 'support', 'lab-up.ts');
  const child = spawn(process.execPath, [script, directory, name, '2'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    const event: LabEvent = JSON.parse(line);
    if (when(event)) child.kill('SIGKILL');
  }
  await ended;
  assert.equal(child.signalCode, 'SIGKILL', 'it was killed before it was done');
}

for (const phase of ['copying', 'booting', 'ready'] as const) {
  test(`after a crash of up, when a server is ${phase}, down leaves nothing`, { timeout: 120_000 }, async () => {
    const { lab, directory } = labNamed(`crash-${phase}`);
    let seen = NOBODY;
    try {
      await crash(cache, lab.name, (event) => event.kind === 'host' && event.phase === phase);
      seen = await inhabitants(lab.id);
    } finally {
      await lab.down();
    }
    assert.deepEqual(await traces(lab.id, directory, seen), []);
  });
}

test('after a crash of up, up again makes the servers whole', { timeout: 120_000 }, async () => {
  const { lab, directory } = labNamed('again');
  try {
    await crash(cache, lab.name, (event) => event.kind === 'host' && event.phase === 'booting');
    const hosts = await lab.up({ count: 2 });
    assert.deepEqual(
      hosts.map(({ state }) => state),
      ['running', 'running'],
    );
    assert.equal(await on(lab, 'h2', 'hostname'), 'h2');
  } finally {
    await lab.down();
  }
  assert.deepEqual(await traces(lab.id, directory, NOBODY), []);
});

test('an abort of up takes back what it began: all of a new lab, only the new server of another', { timeout: 120_000 }, async () => {
  const { lab, directory } = labNamed('abort');
  const abortedUp = async (count: number, phase: 'copying' | 'booting') => {
    const controller = new AbortController();
    const onEvent = (event: LabEvent) => {
      if (event.kind === 'host' && event.phase === phase) controller.abort();
    };
    await assert.rejects(lab.up({ count, onEvent, signal: controller.signal }), { name: 'AbortError' });
  };
  try {
    await abortedUp(2, 'booting');
    assert.deepEqual(await traces(lab.id, directory, NOBODY), []);
    await lab.up({ count: 1 });
    await abortedUp(2, 'copying');
    await abortedUp(2, 'booting');
    assert.deepEqual(
      (await lab.list()).map(({ name, state }) => `${name} ${state}`),
      ['h1 running'],
    );
    assert.equal(await on(lab, 'h1', 'hostname'), 'h1');
  } finally {
    await lab.down();
  }
  assert.deepEqual(await traces(lab.id, directory, NOBODY), []);
});

test('a crash while the base system is made ends debootstrap with it, and down with the cache removes what it left', {
  timeout: 120_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lab-base-'));
  try {
    await crash(directory, 'crash', (event) => event.kind === 'output');
    const isLeft = async () => (await readProcesses()).some((words) => words.includes(directory));
    await until('debootstrap to be gone', 60_000, async () => (await isLeft()) === false || undefined);
    const lab = openLab({ directory, name: 'crash' });
    await lab.down({ cache: true });
    assert.deepEqual(await traces(lab.id, join(directory, 'labs', 'crash'), NOBODY), []);
    assert.equal((await run('find', [directory, '-mindepth', '2'])).trim(), '');
    assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(directory));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});

async function readProcesses(): Promise<readonly string[]> {
  const out = await run('ps', ['-eo', 'args']);
  return out.split('\n');
}
