// Ways in, and ways of not getting in, against a real sshd, a real agent and keys by ssh-keygen. Needs root.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { HostError, openHost, script } from '@sealos/runtime';
import { type Sshd, startSshd } from '../support/sshd.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-login-'));
const original = { home: process.env['HOME'], agent: process.env['SSH_AUTH_SOCK'] };
const never = new AbortController().signal;
let sshd: Sshd;

interface Change {
  readonly keyFile?: string | undefined;
  readonly keyData?: string;
  readonly passphrase?: string;
  readonly password?: string;
  readonly knownHosts?: string;
  readonly port?: number;
  readonly ip?: string;
  readonly hostKeyPolicy?: 'strict';
  readonly agent?: string;
  readonly usualKeys?: readonly string[];
  readonly askPassphrase?: (key: string) => Promise<string | undefined>;
}

/** Opens the server and returns what a script there prints. */
async function login(change: Change = {}): Promise<string> {
  const {
    port = sshd.port,
    ip = '127.0.0.1',
    knownHosts = sshd.knownHosts,
    hostKeyPolicy,
    ...credentials
  } = { keyFile: sshd.keyFile, ...change };
  await using host = await openHost({ address: { ip, port }, user: 'root', credentials, knownHosts, hostKeyPolicy, signal: never });
  return (await host.run(script`echo in`, { title: 'try' })).stdout;
}

function makeKey(name: string, type: string, passphrase = '', ...options: readonly string[]): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-f', join(work, name), ...options]);
  return join(work, name);
}

const authorize = (key: string) => writeFileSync(join(sshd.directory, 'authorized_keys'), readFileSync(`${key}.pub`), { flag: 'a' });

const refused = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof HostError, String(error));
  assert.match(error.message, pattern);
  assert.match(error.message, /^(127\.0\.0\.1|\[?::1\]?|[\d.]+)/, 'the host is named');
  assert.doesNotMatch(error.message, /\n/);
  assert.equal(error.exitCode, 2);
  return true;
};

before(async () => {
  // No keys and no agent but those of the tests.
  process.env['HOME'] = work;
  delete process.env['SSH_AUTH_SOCK'];
  sshd = await startSshd();
});

after(async () => {
  for (const [name, value] of [
    ['HOME', original.home],
    ['SSH_AUTH_SOCK', original.agent],
  ] as const) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await sshd[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

test('keys of every type log in, with a passphrase where they have one', async () => {
  const keys: readonly (readonly [string, Change])[] = [
    ['ed25519', { keyFile: makeKey('ed25519', 'ed25519') }],
    ['ecdsa', { keyFile: makeKey('ecdsa', 'ecdsa') }],
    ['rsa', { keyFile: makeKey('rsa', 'rsa', '', '-b', '2048') }],
    ['PEM', { keyFile: makeKey('pem', 'rsa', '', '-b', '2048', '-m', 'PEM') }],
    ['protected', { keyFile: makeKey('protected', 'ed25519', 'secret words'), passphrase: 'secret words' }],
    ['protected PEM', { keyFile: makeKey('protected-pem', 'rsa', 'secret words', '-b', '2048', '-m', 'PEM'), passphrase: 'secret words' }],
  ];
  for (const [name, change] of keys) {
    authorize(change.keyFile ?? '');
    assert.equal(await login(change), 'in', name);
  }
  assert.equal(await login({ keyFile: undefined, keyData: readFileSync(join(work, 'ed25519'), 'utf8') }), 'in', 'its text');
});

test('each way of not getting in is told apart, in one line, with exit status 2', async () => {
  writeFileSync(join(work, 'not-a-key'), 'hunter2\n');
  const locked = makeKey('locked', 'ed25519', 'secret words');
  const lockedPem = makeKey('locked-pem', 'rsa', 'secret words', '-b', '2048', '-m', 'PEM');
  const cases: readonly (readonly [RegExp, Change])[] = [
    [/cannot be reached: nothing listens on port 1$/, { port: 1 }],
    [/cannot be reached: (there is no route|no answer|this machine has no address|connecting)/, { ip: '255.255.255.255' }],
    [/cannot log in as root: the host refuses .*stranger$/, { keyFile: makeKey('stranger', 'ed25519') }],
    [/the private key .*locked is protected by a passphrase$/, { keyFile: locked }],
    [/the passphrase of the private key .*locked is wrong$/, { keyFile: locked, passphrase: 'other' }],
    [/the private key .*locked-pem is protected by a passphrase$/, { keyFile: lockedPem }],
    [/the passphrase of the private key .*locked-pem is wrong$/, { keyFile: lockedPem, passphrase: 'other' }],
    [/not-a-key is not a private key$/, { keyFile: join(work, 'not-a-key') }],
    [/stranger\.pub is not a private key$/, { keyFile: join(work, 'stranger.pub') }],
    [/absent cannot be read: there is no such file$/, { keyFile: join(work, 'absent') }],
    [/a password was given, and the host takes only keys$/, { keyFile: undefined, password: 'hunter2' }],
    [/there is neither a key nor a password to log in with$/, { keyFile: undefined }],
    [/its key is not known; it shows ssh-ed25519 SHA256:/, { knownHosts: join(work, 'none'), hostKeyPolicy: 'strict' }],
  ];
  for (const [pattern, change] of cases) await assert.rejects(login(change), refused(pattern), String(pattern));
});

/** ssh-agent, which ends with the test. */
function startAgent(keys: readonly string[]): Disposable & { readonly socket: string } {
  const said = execFileSync('ssh-agent', ['-s'], { encoding: 'utf8' });
  const socket = /SSH_AUTH_SOCK=([^;]+)/.exec(said)?.[1] ?? '';
  const pid = Number(/SSH_AGENT_PID=(\d+)/.exec(said)?.[1]);
  for (const key of keys) execFileSync('ssh-add', ['-q', key], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
  return { socket, [Symbol.dispose]: () => process.kill(pid) };
}

test("an agent's keys log in; one that is full of others, or dead, is in nobody's way", async () => {
  const own = makeKey('of-agent', 'ed25519');
  authorize(own);
  const strangers = Array.from({ length: 8 }, (_, index) => makeKey(`stranger-${index}`, 'ed25519'));
  try {
    {
      using agent = startAgent([own]);
      process.env['SSH_AUTH_SOCK'] = agent.socket;
      assert.equal(await login({ keyFile: undefined }), 'in');
    }
    {
      using agent = startAgent(strangers);
      process.env['SSH_AUTH_SOCK'] = agent.socket;
      assert.equal(await login(), 'in', 'the key that is named comes first');
      await assert.rejects(login({ keyFile: undefined }), refused(/it gave up after too many attempts with the keys of the SSH agent$/));
    }
    process.env['SSH_AUTH_SOCK'] = join(work, 'no-agent');
    assert.equal(await login(), 'in');
    await assert.rejects(login({ keyFile: undefined }), refused(/cannot log in as root/));
  } finally {
    delete process.env['SSH_AUTH_SOCK'];
  }
});

test('a locked key that is named is used through the agent that holds it, whatever else is in there', async () => {
  const strangers = Array.from({ length: 8 }, (_, index) => makeKey(`crowd-${index}`, 'ed25519'));
  for (const [name, ...options] of [['locked-openssh'], ['locked-in-pem', '-m', 'PEM']] as const) {
    const key = makeKey(name, 'ecdsa', 'secret words', ...options);
    authorize(key);
    const open = makeKey(`${name}-open`, 'ed25519');
    // ssh-add asks for passphrases at a terminal only: it gets a copy that has none.
    writeFileSync(open, readFileSync(key), { mode: 0o600 });
    execFileSync('ssh-keygen', ['-q', '-p', '-P', 'secret words', '-N', '', '-f', open]);
    using agent = startAgent([...strangers, open]);
    assert.equal(await login({ keyFile: key, agent: agent.socket }), 'in', name);
    await assert.rejects(login({ keyFile: key, agent: 'none' }), refused(/is protected by a passphrase$/));
  }
});

test('a passphrase is asked for where somebody can be asked: for a key that is named at once, for the usual ones when nothing else is left', async () => {
  const key = makeKey('asked-for', 'ed25519', 'secret words');
  authorize(key);
  const asked: string[] = [];
  const answer = (words: string | undefined) => async (name: string) => {
    asked.push(name);
    return words;
  };
  assert.equal(await login({ keyFile: key, askPassphrase: answer('secret words') }), 'in');
  assert.equal(await login({ keyFile: undefined, usualKeys: [join(work, 'absent'), key], askPassphrase: answer('secret words') }), 'in');
  assert.deepEqual(asked, [key, key]);
  const wanted = { keyFile: undefined, usualKeys: [sshd.keyFile, key], askPassphrase: answer('secret words') };
  assert.equal(await login(wanted), 'in');
  assert.equal(asked.length, 2, 'nobody is asked when another key is accepted');
  await assert.rejects(login({ keyFile: key, askPassphrase: answer('wrong') }), refused(/the passphrase of the private key .* is wrong$/));
  await assert.rejects(login({ keyFile: key, askPassphrase: answer(undefined) }), refused(/is protected by a passphrase$/));
});

test('where a host wants a key and then a second one, both are given', async () => {
  const strict = await startSshd(['AuthenticationMethods publickey,publickey']);
  try {
    const second = makeKey('second', 'ed25519');
    writeFileSync(join(strict.directory, 'authorized_keys'), readFileSync(`${second}.pub`), { flag: 'a' });
    const change = { port: strict.port, keyFile: undefined, usualKeys: [strict.keyFile, second], knownHosts: strict.knownHosts };
    assert.equal(await login(change), 'in');
    await assert.rejects(login({ ...change, usualKeys: [second] }), refused(/cannot log in as root/));
  } finally {
    await strict[Symbol.asyncDispose]();
  }
});

test('a host is recorded at the first contact, found again by ssh-keygen, and refused when its key changes', async () => {
  const knownHosts = join(work, 'ssh', 'known_hosts');
  const own = await startSshd();
  try {
    const change = { port: own.port, keyFile: own.keyFile, knownHosts };
    assert.equal(await login(change), 'in');
    assert.equal(statSync(knownHosts).mode & 0o777, 0o600);
    execFileSync('ssh-keygen', ['-F', `[127.0.0.1]:${own.port}`, '-f', knownHosts]);
    execFileSync('ssh-keygen', ['-q', '-H', '-f', knownHosts], { stdio: 'ignore' });
    const hashed = readFileSync(knownHosts, 'utf8');
    assert.match(hashed, /^\|1\|/);
    assert.equal(await login(change), 'in');
    assert.equal(readFileSync(knownHosts, 'utf8'), hashed, 'the hashed entry was recognised');
    await own.replaceHostKey();
    await assert.rejects(login(change), (error: HostError) => {
      assert.match(error.message, /its key is not the one that is known \(.*known_hosts:1\); it shows ssh-ed25519 SHA256:/);
      assert.match(error.hint ?? '', /ssh-keygen -R/);
      return refused(/./)(error);
    });
    // What the hint says.
    execFileSync('ssh-keygen', ['-q', '-R', `[127.0.0.1]:${own.port}`, '-f', knownHosts], { stdio: 'ignore' });
    assert.equal(await login(change), 'in');
  } finally {
    await own[Symbol.asyncDispose]();
  }
});

/** A TCP server that hands each connection to a function. */
async function startServer(onConnection: (socket: Socket) => void): Promise<Server & { readonly port: number }> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return Object.assign(server, { port: typeof address === 'object' && address ? address.port : 0 });
}

test('a server that drops connections before it greets (MaxStartups) is asked again, three times in all', async () => {
  let drops = 0;
  let connections = 0;
  const server = await startServer((socket) => {
    connections += 1;
    if (drops > 0) {
      drops -= 1;
      socket.resetAndDestroy();
      return;
    }
    const upstream = connect(sshd.port, '127.0.0.1');
    upstream.on('error', () => {});
    socket.pipe(upstream).pipe(socket);
  });
  try {
    const change = { port: server.port, knownHosts: join(work, 'known_hosts.proxy') };
    drops = 2;
    assert.equal(await login(change), 'in');
    assert.equal(connections, 3);
    drops = 10;
    await assert.rejects(login(change), refused(/cannot be reached: it closed the connection/));
    assert.equal(connections, 6);
  } finally {
    server.close();
  }
});

test('what is no SSH server is told so', async () => {
  const server = await startServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n<html></html>\r\n'));
  try {
    await assert.rejects(login({ port: server.port }), refused(/cannot be reached: what answers on port \d+ is not an SSH server$/));
  } finally {
    server.close();
  }
});

test('a shell that is not there, or a login that runs nothing, is told so', async () => {
  const restricted = makeKey('restricted', 'ed25519');
  const line = `command="echo this account is for tunnels only; exit 1" ${readFileSync(`${restricted}.pub`, 'utf8')}`;
  writeFileSync(join(sshd.directory, 'authorized_keys'), line, { flag: 'a' });
  await assert.rejects(
    login({ keyFile: restricted }),
    refused(/bash did not start there \(exit status 1\): this account is for tunnels only$/),
  );
});

test('what a login prints before the shell starts does no harm', async () => {
  const noisy = makeKey('noisy', 'ed25519');
  const command = `printf 'Welcome to the machine\\n'; printf 'no newline'; echo error >&2; exec sh -c \\"$SSH_ORIGINAL_COMMAND\\"`;
  writeFileSync(join(sshd.directory, 'authorized_keys'), `command="${command}" ${readFileSync(`${noisy}.pub`, 'utf8')}`, { flag: 'a' });
  assert.equal(await login({ keyFile: noisy }), 'in');
});
