// The runtime's hands on a real server of the lab: logins by password, sudo of every kind, a network that is cut. Needs root.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { gatherFacts, type Host, HostError, openHost, script } from '@sealos/runtime';
import { type Lab, type LabHost, openLab } from '../../packages/lab/src/index.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { until } from '../support/until.ts';

ensureInstalled(['systemd-container', 'debootstrap', 'iproute2', 'openssh-client', 'zstd']);

const work = mkdtempSync(join(tmpdir(), 'sealos-host-lab-'));
const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos', 'lab');
const never = new AbortController().signal;
const agent = process.env['SSH_AUTH_SOCK'];
let lab: Lab;
let server: LabHost;
let other: LabHost;
let password: string;

interface Login {
  readonly user?: string;
  readonly password?: string;
  /** Logs in with the lab's key (default), or with a password alone. */
  readonly key?: boolean;
  readonly signal?: AbortSignal;
  readonly at?: LabHost;
}

function open({ user = 'root', key = true, password: given, signal = never, at = server }: Login): Promise<Host> {
  return openHost({
    address: { ip: at.ip, port: at.port },
    user,
    credentials: { password: given, keyFile: key ? at.sshKey : undefined },
    knownHosts: at.knownHosts,
    signal,
  });
}

/** Runs something on the server as root, without the code under test. */
async function onServer(command: string): Promise<string> {
  const [program = '', ...args] = await lab.ssh(server.name, [command]);
  // While sshd reads its configuration anew it does not listen.
  const result = await until('sshd to listen', 60_000, async () => {
    const tried = spawnSync(program, args, { encoding: 'utf8' });
    return tried.status === 255 && /Connection refused/.test(tried.stderr) ? undefined : tried;
  });
  assert.equal(result.status, 0, result.stderr);
  return result.stdout.trim();
}

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HostError, String(error));
  assert.match(error.message, pattern);
  assert.doesNotMatch(error.message, /\n/);
  assert.equal(error.exitCode, 2);
  assert.ok(error.hint);
  assert.ok(!`${error.message}${error.hint}`.includes(password), 'no password is shown');
  return true;
};

before(async () => {
  delete process.env['SSH_AUTH_SOCK'];
  lab = openLab({ directory: cache, name: `test-host-${process.pid}` });
  const [first, second] = await lab.up({ count: 2 });
  assert.ok(first && second);
  server = first;
  other = second;
  password = await lab.password();
});

after(async () => {
  if (agent !== undefined) process.env['SSH_AUTH_SOCK'] = agent;
  await lab.down();
  rmSync(work, { recursive: true, force: true });
});

/** Every way in that ends as root. */
const ways: readonly (readonly [string, () => Login])[] = [
  ['root by password', () => ({ key: false, password })],
  ['a user whom sudo asks for nothing', () => ({ user: 'op' })],
  ['a user whom sudo asks for nothing, though a password is given', () => ({ user: 'op', password })],
  ['a user whom sudo asks for the password', () => ({ user: 'opp', password })],
  ['a user by password whom sudo asks for it too', () => ({ user: 'opp', key: false, password })],
];

for (const [name, login] of ways) {
  test(`${name}: scripts, archives and files, all as root`, async () => {
    await using host = await open(login());
    const { stdout } = await host.run(script`id -u; echo $HOME; cat; echo end`, { title: 'try' });
    assert.deepEqual(stdout.split('\n'), ['0', '/root', 'end']);

    const tree = mkdtempSync(join(work, 'tree-'));
    writeFileSync(join(tree, 'program'), Buffer.alloc(3_000_000, 'x'), { mode: 0o755 });
    const tar = spawnSync('tar', ['-c', '--owner=7', '--group=8', '-C', tree, '.'], { maxBuffer: 1 << 26 }).stdout;
    await host.unpack(Readable.from([zstdCompressSync(tar)]), '/srv/unpacked', { title: 'unpacking', compression: 'zstd' });
    assert.equal(await onServer('stat -c "%a %u %g %s" /srv/unpacked/program; rm -r /srv/unpacked'), '755 7 8 3000000');

    const files = [{ path: '/etc/sealos-test/secret', content: 'text', mode: 0o600 }];
    assert.deepEqual(await host.writeFiles(files, { title: 'writing' }), ['/etc/sealos-test/secret']);
    assert.deepEqual(await host.writeFiles(files, { title: 'writing' }), []);
    assert.equal((await host.readFile('/etc/sealos-test/secret'))?.toString(), 'text');
    assert.equal(
      await onServer('stat -c "%a %U" /etc/sealos-test/secret; rm -r /etc/sealos-test; ls /var/tmp | grep -c sealos || true'),
      '600 root\n0',
    );
  });
}

test('a password that is wrong, missing, or not taken is told apart', async () => {
  await assert.rejects(open({ key: false, password: 'wrong' }), refused(/cannot log in as root: the password is wrong/));
  await assert.rejects(open({ user: 'opp', password: 'wrong' }), refused(/opp may not become root with sudo: its password is wrong$/));
  await assert.rejects(open({ user: 'opp' }), refused(/opp may not become root with sudo: it asks for a password, and none was given$/));
  await assert.rejects(open({ user: 'nobody-here', key: false, password }), refused(/cannot log in as nobody-here/));
});

test('where sshd takes keys only, a password is told to be of no use', async () => {
  const file = '/etc/ssh/sshd_config.d/00-test.conf';
  await onServer(`printf 'PasswordAuthentication no\nKbdInteractiveAuthentication no\n' > ${file}; systemctl reload ssh`);
  try {
    await until('sshd to have reloaded', 60_000, async () => {
      const error = await open({ key: false, password: 'wrong' }).catch((caught: unknown) => caught);
      return error instanceof HostError && /a password was given, and the host takes only keys/.test(error.message) ? true : undefined;
    });
  } finally {
    await onServer(`rm ${file}; systemctl reload ssh`);
  }
});

test('questions and answers (keyboard-interactive), alone and after a key, are answered with the password', async () => {
  const file = '/etc/ssh/sshd_config.d/00-test.conf';
  const restart = async (...lines: readonly string[]) =>
    onServer(`printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} > ${file}; systemctl restart ssh`);
  try {
    await restart('PasswordAuthentication no', 'KbdInteractiveAuthentication yes', 'UsePAM yes');
    const login = () => open({ user: 'opp', key: false, password });
    await using host = await until('sshd to be back', 60_000, login);
    assert.equal((await host.run(script`id -un`, { title: 'try' })).stdout, 'root');
    await assert.rejects(open({ user: 'opp', key: false, password: 'wrong' }), refused(/cannot log in as opp: the password is wrong/));
    await onServer(`printf 'Match User opp\\nAuthenticationMethods publickey,keyboard-interactive\\n' >> ${file}; systemctl restart ssh`);
    await using both = await until('sshd to be back', 60_000, () => open({ user: 'opp', password }));
    assert.equal((await both.run(script`id -un`, { title: 'try' })).stdout, 'root');
    await assert.rejects(login(), refused(/cannot log in as opp/));
  } finally {
    await onServer(`rm -f ${file}; systemctl restart ssh`);
  }
});

test('sudo that wants a terminal, or allows nothing, is told so', async () => {
  try {
    await onServer("echo 'Defaults:op requiretty' > /etc/sudoers.d/zz-test");
    await assert.rejects(open({ user: 'op' }), refused(/op may not become root with sudo: it asks for a terminal \(requiretty\)/));
    await onServer("echo 'op ALL=(ALL) !ALL' > /etc/sudoers.d/zz-test");
    await assert.rejects(
      open({ user: 'op' }),
      refused(/op may not become root with sudo: it (does not allow this user|asks for a password)/),
    );
  } finally {
    await onServer('rm -f /etc/sudoers.d/zz-test');
  }
});

test('sudo that gives commands a terminal of their own (use_pty) works the same, aborts too', async () => {
  await onServer("echo 'Defaults use_pty' > /etc/sudoers.d/zz-test");
  try {
    await using host = await open({ user: 'opp', password });
    assert.deepEqual(await host.run(script`echo out; echo err >&2`, { title: 'try' }), { exitCode: 0, stdout: 'out', stderr: 'err' });
    const stop = new AbortController();
    const running = host.run(script`echo $BASHPID > /run/use-pty.pid; sleep 4321`, { title: 'waiting', signal: stop.signal });
    await until('the command to run', 60_000, async () => (await onServer('cat /run/use-pty.pid 2>/dev/null || true')) || undefined);
    stop.abort(new Error('enough'));
    await assert.rejects(running, /enough/);
    assert.equal(await onServer('pgrep -fc "sleep 432[1]" || true'), '0');
  } finally {
    await onServer('rm -f /etc/sudoers.d/zz-test');
  }
});

test('facts of a server with systemd', async () => {
  await using host = await open({ user: 'op' });
  const facts = await gatherFacts(host, never);
  assert.equal(facts.hostname, server.name);
  assert.equal(facts.systemd, true);
  assert.equal(facts.os.id, 'debian');
  assert.ok(facts.addresses.includes(server.ip));
  assert.ok(facts.listeningPorts.includes(22));
  assert.ok(Math.abs(facts.clockSkewSeconds) < 1, `${facts.clockSkewSeconds}`);
});

test('a service that a script starts goes on after it and after the connection', async () => {
  {
    await using host = await open({});
    await host.run(script`setsid sleep 5432 </dev/null >/dev/null 2>&1 & systemd-run --quiet --unit=sealos-test sleep 5433`, {
      title: 'starting',
    });
  }
  assert.equal(await onServer('pgrep -fc "sleep 543[23]"'), '2');
  await onServer('systemctl stop sealos-test; pkill -f "sleep 543[2]"');
});

test('a host whose cable is pulled holds up nobody for ever: an abort ends all waiting, a new connection is told off', async () => {
  const host = await open({});
  const idle = await open({});
  const stop = new AbortController();
  const running = host.run(script`echo $BASHPID > /run/cut.pid; sleep 1000`, { title: 'waiting', signal: stop.signal });
  await until('the command to run', 60_000, async () => (await onServer('cat /run/cut.pid 2>/dev/null || true')) || undefined);
  await lab.cut(server.name);
  try {
    const closing = Date.now();
    await idle[Symbol.asyncDispose]();
    assert.ok(Date.now() - closing < 10_000, 'a goodbye that nobody answers is not waited for');
    stop.abort(new Error('enough'));
    await assert.rejects(running, /enough/);
    await host[Symbol.asyncDispose]();
    await assert.rejects(open({}), refused(/cannot be reached: (no answer on port 22 within 10 s|there is no route to it)/));
  } finally {
    await lab.join(server.name);
  }
});

/** About a minute, and what a busy machine takes. */
const SOON = 100_000;

/** How many processes of this machine, those inside lab hosts included, have these words in their command line. */
function processes(words: string): number {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').includes(words);
    } catch {
      return false; // it ended meanwhile
    }
  }).length;
}

/** Three pieces of work that are in the middle: a script, an archive, and files of which half were sent. */
async function inTheMiddle(at: LabHost, number: number) {
  // A tar that does not come to its end, so that the files are still on their way when the host goes.
  const holding = `/run/holding-${number}`;
  const wrapper = join(at.root, 'usr/local/bin/tar');
  writeFileSync(
    wrapper,
    `#!/bin/bash\nif [[ "$*" == */var/tmp/* ]]; then touch ${holding}; sleep 7${number}; fi\nexec /usr/bin/tar "$@"\n`,
  );
  chmodSync(wrapper, 0o755);
  const hosts = await Promise.all([open({ at, user: 'opp', password }), open({ at, user: 'op' }), open({ at })]);
  const [scripts, archives, files] = hosts;
  const body = new Readable({ read() {} });
  const half = spawnSync('tar', ['-c', '-C', '/usr/share', 'doc/bash'], { maxBuffer: 1 << 28 }).stdout;
  body.push(half.subarray(0, half.length / 2));
  const works = [
    ['waiting long', scripts.run(script`touch /run/script-${number}; sleep 8${number}`, { title: 'waiting long' })],
    ['sending an archive', archives.unpack(body, `/srv/half-${number}`, { title: 'sending an archive', compression: 'none' })],
    ['writing files', files.writeFiles([{ path: '/etc/half', content: 'secret', mode: 0o600 }], { title: 'writing files' })],
  ] as const;
  const ends = works.map(async ([title, work]) => ({ title, error: await work.then(() => undefined).catch((error: unknown) => error) }));
  const inside = (path: string) => existsSync(join(at.root, path));
  await until('all three to be at work', 20_000, async () =>
    processes(`sleep 8${number}`) > 0 && inside(`srv/half-${number}`) && processes(`sleep 7${number}`) > 0 ? true : undefined,
  );
  return { ends: Promise.all(ends), hosts, wrapper };
}

function assertLost(ends: readonly { readonly title: string; readonly error: unknown }[], name: string): void {
  for (const { title, error } of ends) {
    assert.ok(error instanceof HostError, `${title}: ${String(error)}`);
    assert.equal(error.message, `${name}: the connection was lost during '${title}' (nothing was heard from it for 60 s)`);
    assert.match(error.hint ?? '', /see whether the host is up and reachable, then run the same command again/);
  }
}

/** That the host ends by itself what it was told to do, and leaves no file. */
async function untilAllEnded(at: LabHost, number: number): Promise<void> {
  await until('everything to have ended on the host', SOON, async () => {
    const left = [`sleep 8${number}`, `/srv/half-${number}`, `sleep 7${number}`].filter((words) => processes(words) > 0);
    const files = readdirSync(join(at.root, 'var/tmp')).filter((name) => name.startsWith('sealos-'));
    if (left.length > 0 || files.length > 0) throw new Error(`left are ${[...left, ...files].join(', ')}`);
    return true as const;
  });
}

test('a host that loses its cable, or is stopped as a whole, in the middle of its work: each piece fails within a minute, and nothing stays at work', async () => {
  const cut = async () => {
    const { ends, hosts, wrapper } = await inTheMiddle(server, 4321);
    await lab.cut(server.name);
    try {
      const since = Date.now();
      // Both sides at once, neither of which can tell the other.
      const [ended] = await Promise.all([ends, untilAllEnded(server, 4321)]);
      assertLost(ended, server.ip);
      assert.ok(Date.now() - since < SOON, `${Date.now() - since} ms`);
    } finally {
      await lab.join(server.name);
      rmSync(wrapper);
    }
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
    await using again = await until('the host to be back', 20_000, () => open({}));
    assert.equal((await again.run(script`ls /etc/half 2>/dev/null; echo back`, { title: 'try' })).stdout, 'back');
  };
  const frozen = async () => {
    const { ends, hosts, wrapper } = await inTheMiddle(other, 5432);
    await lab.freeze(other.name);
    try {
      const since = Date.now();
      const [ended] = await Promise.all([
        ends,
        assert.rejects(open({ at: other }), refused(/cannot be reached: port 22 is open, but nothing was said within 20 s/)),
      ]);
      assertLost(ended, other.ip);
      assert.ok(Date.now() - since < SOON, `${Date.now() - since} ms`);
    } finally {
      await lab.thaw(other.name);
      rmSync(wrapper);
    }
    // Its operator hung up long ago; now the host learns of it.
    await untilAllEnded(other, 5432);
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
  };
  await Promise.all([cut(), frozen()]);
});
