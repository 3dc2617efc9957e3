// Hosts behind other hosts, and OpenSSH's own configuration, against real sshds and ssh itself. Needs root.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Host, HostError, openHost, script } from '@sealos/runtime';
import type { Ssh } from '../../packages/runtime/src/cluster/cluster.ts';
import { readSshConfig } from '../../packages/runtime/src/host/ssh-config.ts';
import type { Credentials } from '../../packages/runtime/src/host/ssh-login.ts';
import { JumpConnections, type JumpCredentials, routeTo } from '../../packages/runtime/src/host/ssh-route.ts';
import { pidFrom } from '../support/host-processes.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { until } from '../support/until.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-jump-'));
const original = { home: process.env['HOME'], agent: process.env['SSH_AUTH_SOCK'] };
const never = new AbortController().signal;
let target: Sshd;
let near: Sshd;
let far: Sshd;
let knownHosts: string;

interface Want {
  readonly jump?: string;
  readonly ssh?: Ssh;
  readonly credentials?: Credentials;
  readonly jumpCredentials?: JumpCredentials;
  readonly knownHosts?: string | undefined;
  readonly ip?: string;
  readonly port?: number;
}

/** Opens a host the way a command does. */
async function open(jumps: JumpConnections, want: Want = {}): Promise<Host> {
  const route = routeTo({
    address: { ip: want.ip ?? '127.0.0.1', port: want.port ?? target.port },
    ssh: { ...(want.jump === undefined ? {} : { proxyJump: want.jump }), ...want.ssh },
    credentials: want.credentials ?? { keyFile: target.keyFile },
    jumpCredentials: want.jumpCredentials,
    knownHosts: 'knownHosts' in want ? want.knownHosts : knownHosts,
    config: await readSshConfig(),
  });
  return await openHost({ ...route.target, through: await jumps.to(route.jumps), signal: never });
}

/** The port from which the host was reached, as it sees it. */
const peer = async (host: Host) => (await host.run(script`echo "$SSH_CONNECTION"`, { title: 'try' })).stdout;

const at = (sshd: Sshd) => `127.0.0.1:${sshd.port}`;

const refused = (pattern: RegExp, host: Sshd) => (error: unknown) => {
  assert.ok(error instanceof HostError, String(error));
  assert.match(error.message, pattern);
  assert.ok(error.message.startsWith(`127.0.0.1:${host.port}: `), `${error.message} names ${host.port}`);
  assert.equal(error.exitCode, 2);
  assert.ok(error.hint);
  return true;
};

before(async () => {
  process.env['HOME'] = work;
  delete process.env['SSH_AUTH_SOCK'];
  mkdirSync(join(work, '.ssh'));
  [target, near, far] = await Promise.all([startSshd(), startSshd(), startSshd()]);
  // One user, one key, three servers.
  for (const sshd of [near, far]) writeFileSync(join(sshd.directory, 'authorized_keys'), readFileSync(`${target.keyFile}.pub`));
  knownHosts = join(work, 'known');
  writeFileSync(knownHosts, [target, near, far].map((sshd) => readFileSync(sshd.knownHosts, 'utf8')).join(''));
});

after(async () => {
  for (const [name, value] of [
    ['HOME', original.home],
    ['SSH_AUTH_SOCK', original.agent],
  ] as const) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  for (const sshd of [target, near, far]) await sshd[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

test('hosts behind one jump host and behind two: all by one connection to each, which ends with them', async () => {
  {
    await using jumps = new JumpConnections(never);
    const hosts = await Promise.all(
      [1, 2, 3, 4, 5, 6].map((count) => open(jumps, { jump: count > 3 ? `${at(near)},${at(far)}` : `root@${at(near)}` })),
    );
    for (const host of hosts) assert.equal((await peer(host)).split(' ')[3], String(target.port));
    assert.equal(near.connections(), 1);
    assert.equal(far.connections(), 1);
    assert.equal(target.connections(), 6);
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
  }
  await until('all to be closed', 60_000, async () =>
    near.connections() + far.connections() + target.connections() === 0 ? true : undefined,
  );
});

test('over IPv6 from end to end', async () => {
  await using jumps = new JumpConnections(never);
  await using host = await open(jumps, { ip: '::1', jump: `[::1]:${near.port}` });
  assert.equal((await peer(host)).split(' ')[2], '::1');
});

test('the key of every host on the way is checked under its own name', async () => {
  for (const [wrong, pattern] of [
    [near, /its key is not the one that is known/],
    [target, /its key is not the one that is known/],
  ] as const) {
    const file = join(work, `known-${wrong.port}`);
    const others = [target, near].filter((sshd) => sshd !== wrong).map((sshd) => readFileSync(sshd.knownHosts, 'utf8'));
    const [, type, key] = readFileSync(far.knownHosts, 'utf8').split(' ');
    writeFileSync(file, `${others.join('')}[127.0.0.1]:${wrong.port} ${type} ${key}`);
    await using jumps = new JumpConnections(never);
    await assert.rejects(open(jumps, { jump: at(near), knownHosts: file }), refused(pattern, wrong));
  }
});

test('each way of not getting through is told apart, and by the host that it is about', async () => {
  const closed = await startSshd(['AllowTcpForwarding no']);
  try {
    writeFileSync(join(closed.directory, 'authorized_keys'), readFileSync(`${target.keyFile}.pub`));
    appendFileSync(knownHosts, readFileSync(closed.knownHosts));
    const through = (jump: string, want: Want = {}) => {
      const jumps = new JumpConnections(never);
      return open(jumps, { ...want, jump }).finally(() => jumps[Symbol.asyncDispose]());
    };
    await assert.rejects(
      through(at(closed)),
      refused(new RegExp(`cannot be reached through the jump host ${at(closed)}: the host on the way forwards no connections`), target),
    );
    await assert.rejects(through(at(near), { port: 1 }), (error: HostError) =>
      /^127\.0\.0\.1:1: cannot be reached through the jump host .*: nothing listens on port 1$/.test(error.message),
    );
    await assert.rejects(through(`nobody@${at(near)}`), refused(/cannot log in as nobody/, near));
    await assert.rejects(through('127.0.0.1:1'), (error: HostError) =>
      /^127\.0\.0\.1:1: cannot be reached: nothing listens/.test(error.message),
    );
    await assert.rejects(through('no.such.name.invalid'), (error: HostError) =>
      /^no\.such\.name\.invalid: cannot be reached: (there is no address for the name|the name .* could not be looked up)/.test(
        error.message,
      ),
    );
    for (const bad of ['a:b:c', 'user@', '@host', 'host:0', 'host:99999', '-oProxyCommand=x', 'a,,b']) {
      await assert.rejects(through(bad), { code: 'bad-jump', exitCode: 2 }, bad);
    }
  } finally {
    await closed[Symbol.asyncDispose]();
  }
});

test('a jump host may have a user and a key of its own', async () => {
  const own = join(work, 'jump-key');
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', own]);
  const gate = await startSshd();
  try {
    writeFileSync(join(gate.directory, 'authorized_keys'), readFileSync(`${own}.pub`));
    appendFileSync(knownHosts, readFileSync(gate.knownHosts));
    await using jumps = new JumpConnections(never);
    await assert.rejects(open(jumps, { jump: at(gate) }), refused(/cannot log in as root: the host refuses/, gate));
    await using again = new JumpConnections(never);
    await using host = await open(again, { jump: at(gate), jumpCredentials: { keyFile: own } });
    assert.ok(await peer(host));
    // The same from OpenSSH's configuration, with a name for it.
    writeFileSync(
      join(work, '.ssh', 'config'),
      `Host gate\n  HostName 127.0.0.1\n  Port ${gate.port}\n  User root\n  IdentityFile ~/jump-key\nHost 127.0.0.*\n  ProxyJump gate\n`,
    );
    await using third = new JumpConnections(never);
    await using configured = await open(third, {});
    assert.ok(await peer(configured));
    assert.ok(gate.connections() > 1);
    await using direct = await open(third, { jump: 'none' });
    assert.ok(await peer(direct));
  } finally {
    rmSync(join(work, '.ssh', 'config'), { force: true });
    await gate[Symbol.asyncDispose]();
  }
});

test('a jump host that dies takes the work behind it with it, and each piece says so', async () => {
  const gate = await startSshd();
  try {
    writeFileSync(join(gate.directory, 'authorized_keys'), readFileSync(`${target.keyFile}.pub`));
    appendFileSync(knownHosts, readFileSync(gate.knownHosts));
    await using jumps = new JumpConnections(never);
    await using host = await open(jumps, { jump: at(gate) });
    const file = join(work, 'pid');
    const running = host.run(script`echo $BASHPID > ${file}; exec sleep 1000`, { title: 'a long step' });
    const failed = assert.rejects(running, /the connection was lost during 'a long step'/);
    await pidFrom(file);
    gate.cutConnections();
    await failed;
  } finally {
    await gate[Symbol.asyncDispose]();
  }
});

test('settings of ~/.ssh/config take the place of the usual ones, and never of what was given', async () => {
  const port = target.port;
  writeFileSync(
    join(work, '.ssh', 'config'),
    `Host 127.0.0.2\n  HostName 127.0.0.1\n  Port ${port}\n  User root\n  IdentityFile ${target.keyFile}\n  UserKnownHostsFile ${knownHosts}\n`,
  );
  try {
    await using jumps = new JumpConnections(never);
    const want = { ip: '127.0.0.2', port: 22, credentials: {}, knownHosts: undefined };
    await using host = await open(jumps, want);
    assert.equal(host.name, '127.0.0.2', 'the host is still called what it was called');
    assert.equal((await peer(host)).split(' ')[3], String(port));
    await assert.rejects(open(jumps, { ...want, ssh: { user: 'nobody' } }), /cannot log in as nobody/);
    await assert.rejects(open(jumps, { ...want, port: 1 }), /127\.0\.0\.2:1: cannot be reached/);
  } finally {
    rmSync(join(work, '.ssh', 'config'), { force: true });
  }
});

test('a configuration is understood as ssh itself understands it', async () => {
  const directory = join(work, '.ssh', 'conf.d');
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, '10-a.conf'), 'Host bastion\n  HostName 192.0.2.1\n  User jumper\n');
  writeFileSync(join(directory, '20-b.conf'), 'Host *.lab\n  User labber\n  Port 2200\n');
  const file = join(work, 'config');
  writeFileSync(
    file,
    `# a comment
Include conf.d/*.conf
Host 10.0.0.* !10.0.0.9
  ProxyJump bastion:2222,other@second
  identityfile ~/.ssh/ten
  IdentityFile "~/.ssh/with space"
Host 10.0.0.9
  User=nine
  Port = 99
Match host *.match user someone
  Port 5
Match originalhost web.match
  HostName %h.example.org
Host 2001:db8::1
  UserKnownHostsFile /tmp/one /tmp/two
Host *
  User everyone
  Port 1234
  IdentityFile /keys/%r-%h-%p
`,
  );
  const config = await readSshConfig(file);
  for (const host of ['bastion', 'x.lab', '10.0.0.5', '10.0.0.9', 'web.match', '2001:db8::1', 'unknown']) {
    const asked = spawnSync('ssh', ['-F', file, '-G', host], { encoding: 'utf8', env: { ...process.env, HOME: work } });
    assert.equal(asked.status, 0, asked.stderr);
    const all = (key: string) =>
      asked.stdout
        .split('\n')
        .filter((line) => line.startsWith(`${key} `))
        .map((line) => line.slice(key.length + 1));
    const one = (key: string) => all(key)[0];
    const ours = config.of(host);
    assert.deepEqual(
      {
        hostName: ours.hostName ?? host,
        user: ours.user,
        port: String(ours.port),
        proxyJump: ours.proxyJump,
      },
      { hostName: one('hostname'), user: one('user'), port: one('port'), proxyJump: one('proxyjump') },
      host,
    );
    const tokens = (path: string) =>
      path
        .replace(/^~/, work)
        .replaceAll('%r', one('user') ?? '')
        .replaceAll('%h', one('hostname') ?? '')
        .replaceAll('%p', one('port') ?? '');
    assert.deepEqual(ours.identityFiles, all('identityfile').map(tokens), host);
    if (host.includes(':')) assert.deepEqual(ours.knownHosts, one('userknownhostsfile')?.split(' '));
  }
});

test('a configuration that was named must be there; the usual one need not', async () => {
  await assert.rejects(readSshConfig(join(work, 'absent')), { code: 'ssh-config', exitCode: 2 });
  assert.deepEqual((await readSshConfig()).of('x').identityFiles, []);
  assert.deepEqual((await readSshConfig('none')).of('x').identityFiles, []);
});
