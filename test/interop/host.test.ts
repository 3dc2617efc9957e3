import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { gatherFacts, type Host, HostError, openHost, script, secret } from '@sealos/runtime';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { until } from '../support/until.ts';

let sshd: Sshd;
let host: Host;
const work = mkdtempSync(join(tmpdir(), 'sealos-host-'));
const never = new AbortController().signal;

function open(
  change: {
    readonly keyFile?: string;
    readonly knownHosts?: string;
    readonly user?: string;
    readonly password?: string;
    readonly port?: number;
  } = {},
): Promise<Host> {
  const { user = 'root', port = sshd.port, knownHosts = sshd.knownHosts, ...credentials } = { keyFile: sshd.keyFile, ...change };
  return openHost({ address: { ip: '127.0.0.1', port }, user, credentials, knownHosts, signal: never });
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** The number that a command under test writes into a file. */
const pidFrom = (file: string) =>
  until(`${file} to be written`, 10_000, async () =>
    existsSync(file) ? Number(readFileSync(file, 'utf8').trim()) || undefined : undefined,
  );

const gone = (pid: number) => until(`process ${pid} to be gone`, 10_000, async () => (isAlive(pid) ? undefined : true));

before(async () => {
  sshd = await startSshd();
  host = await open();
});

after(async () => {
  await host[Symbol.asyncDispose]();
  await sshd[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

test('output, errors and exit status come back apart, whatever the output ends with', async () => {
  assert.deepEqual(await host.run(script`echo out; echo err >&2; printf 'no newline'; exit 3`, { title: 'try', allowFailure: true }), {
    exitCode: 3,
    stdout: 'out\nno newline',
    stderr: 'err',
  });
  assert.deepEqual(await host.run(script`printf ${"a 'quoted' $word\nand a line\n\n"}`, { title: 'try' }), {
    exitCode: 0,
    stdout: "a 'quoted' $word\nand a line\n",
    stderr: '',
  });
});

test('a failure names the host, the step, the status and the last lines, and no secret', async () => {
  await assert.rejects(
    host.run(script`echo the password is ${secret("s3cr'et")}; exit 7`, { title: 'telling a secret' }),
    (error: HostError) => {
      assert.match(error.message, /^127\.0\.0\.1:\d+: 'telling a secret' failed \(exit status 7\)/);
      assert.match(error.message, /the password is \*\*\*/);
      return true;
    },
  );
});

test('scripts, and the secrets in them, are in no argument list', async () => {
  const { stdout } = await host.run(
    script`: ${secret('needle-in-argv')}; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\n' | grep -c '[n]eedle-in-argv' || true`,
    { title: 'looking' },
  );
  assert.equal(stdout.trim(), '0');
});

test('a script that ends its whole process group is told, and the next one runs', async () => {
  assert.equal((await host.run(script`kill -9 0`, { title: 'try', allowFailure: true })).exitCode, 137);
  assert.equal((await host.run(script`echo still here`, { title: 'try' })).stdout, 'still here');
});

test('an abort ends the remote command and all it started; the host can be used further', async () => {
  const file = join(work, 'abort.pid');
  const stop = new AbortController();
  const running = host.run(script`sleep 1000 & echo $! > ${file}; wait`, { title: 'waiting', signal: stop.signal });
  const pid = await pidFrom(file);
  stop.abort(new Error('enough'));
  await assert.rejects(running, /enough/);
  await gone(pid);
  assert.equal((await host.run(script`echo fine`, { title: 'try' })).stdout, 'fine');
});

test('a timeout ends the remote command and says which and where', async () => {
  const file = join(work, 'timeout.pid');
  const running = host.run(script`echo $BASHPID > ${file}; exec sleep 1000`, { title: 'a slow thing', timeout: 1000 });
  const pid = await pidFrom(file);
  await assert.rejects(running, /127\.0\.0\.1:\d+: 'a slow thing' was ended after 1 s/);
  await gone(pid);
});

test('when the operator is killed, its remote command ends too', async () => {
  const file = join(work, 'operator.pid');
  const program = join(work, 'operator.ts');
  const root = dirname(dirname(import.meta.dirname));
  writeFileSync(
    program,
    `import { openHost, script } from '${root}/packages/runtime/src/index.ts';
const host = await openHost({ address: { ip: '127.0.0.1', port: ${sshd.port} }, user: 'root', credentials: { keyFile: '${sshd.keyFile}' }, knownHosts: '${sshd.knownHosts}', signal: new AbortController().signal });
await host.run(script\`echo $BASHPID > \${'${file}'}; exec sleep 1000\`, { title: 'waiting' });`,
  );
  const operator = spawn(process.execPath, [program], { stdio: 'inherit' });
  const pid = await pidFrom(file);
  operator.kill('SIGKILL');
  await gone(pid);
});

test('a connection that is cut fails the command with the host, the step and advice', async () => {
  const other = await open();
  const file = join(work, 'cut.pid');
  const running = other.run(script`echo $BASHPID > ${file}; exec sleep 1000`, { title: 'a long step' });
  await pidFrom(file);
  const kept = host;
  sshd.cutConnections();
  await assert.rejects(running, (error: HostError) => {
    assert.match(error.message, /127\.0\.0\.1:\d+: the connection was lost during 'a long step'/);
    assert.ok(error.hint);
    return true;
  });
  await other[Symbol.asyncDispose]();
  await kept[Symbol.asyncDispose]();
  host = await open();
});

test('archives are unpacked whole, compressed or not, without what is excluded', async () => {
  const source = join(work, 'tree');
  mkdirSync(join(source, 'registry'), { recursive: true });
  mkdirSync(join(source, 'bin'));
  writeFileSync(join(source, 'bin', 'program'), Buffer.alloc(3_000_000, 'x'), { mode: 0o755 });
  writeFileSync(join(source, 'registry', 'blob'), 'big');
  const tar = spawnSync('tar', ['-c', '-C', source, '.'], { maxBuffer: 1 << 26 }).stdout;
  for (const [compression, bytes] of [
    ['none', tar],
    ['gzip', gzipSync(tar)],
    ['zstd', zstdCompressSync(tar)],
  ] as const) {
    const into = join(work, `unpacked-${compression}`);
    await host.unpack(Readable.from([bytes]), into, { title: 'unpacking', compression, exclude: ['registry'] });
    assert.ok(!existsSync(join(into, 'registry')));
    assert.equal(statSync(join(into, 'bin', 'program')).mode & 0o777, 0o755);
    assert.ok(readFileSync(join(into, 'bin', 'program')).equals(readFileSync(join(source, 'bin', 'program'))));
  }
});

test('an archive that breaks off fails, and says on which host', async () => {
  const tar = spawnSync('tar', ['-c', '-C', work, 'tree'], { maxBuffer: 1 << 26 }).stdout;
  await assert.rejects(
    host.unpack(Readable.from([tar.subarray(0, 1_000_000)]), join(work, 'broken'), { title: 'unpacking', compression: 'none' }),
    /127\.0\.0\.1:\d+: 'unpacking' into .*broken failed \(exit status \d\)/,
  );
});

test('a full disk is told by host and directory', async () => {
  const full = join(work, 'full');
  mkdirSync(full);
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', full]);
  try {
    const tar = spawnSync('tar', ['-c', '-C', work, 'tree'], { maxBuffer: 1 << 26 }).stdout;
    await assert.rejects(
      host.unpack(Readable.from([tar]), full, { title: 'unpacking', compression: 'none' }),
      /the disk of .*full is full/,
    );
  } finally {
    spawnSync('umount', [full]);
  }
});

test('files are written once, with their modes, and not again', async () => {
  const path = join(work, 'etc', 'file');
  const files = [{ path, content: 'text', mode: 0o640 }];
  assert.deepEqual(await host.writeFiles(files, { title: 'writing' }), [path]);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(await host.writeFiles(files, { title: 'writing' }), []);
  appendFileSync(path, 'changed');
  assert.deepEqual(await host.writeFiles(files, { title: 'writing' }), [path]);
  assert.equal((await host.readFile(path))?.toString(), 'text');
  assert.equal(await host.readFile(join(work, 'absent')), undefined);
});

test('facts agree with what the machine says', async () => {
  const facts = await gatherFacts(host, never);
  assert.equal(facts.kernel, spawnSync('uname', ['-r'], { encoding: 'utf8' }).stdout.trim());
  assert.equal(facts.cpus, Number(spawnSync('nproc', { encoding: 'utf8' }).stdout));
  assert.ok(facts.listeningPorts.includes(sshd.port));
  assert.ok(Math.abs(facts.clockSkewSeconds) < 1);
});

test('a host is recorded at the first contact, found again by ssh-keygen, and refused when its key changes', async () => {
  const knownHosts = join(work, 'known_hosts');
  const first = await open({ knownHosts });
  await first[Symbol.asyncDispose]();
  assert.equal(statSync(knownHosts).mode & 0o777, 0o600);
  const find = () => spawnSync('ssh-keygen', ['-F', `[127.0.0.1]:${sshd.port}`, '-f', knownHosts]).status;
  assert.equal(find(), 0);
  spawnSync('ssh-keygen', ['-q', '-H', '-f', knownHosts]);
  const hashed = readFileSync(knownHosts, 'utf8');
  assert.match(hashed, /^\|1\|/);
  const second = await open({ knownHosts });
  await second[Symbol.asyncDispose]();
  assert.equal(readFileSync(knownHosts, 'utf8'), hashed, 'the hashed entry was recognised');
  await host[Symbol.asyncDispose]();
  await sshd.replaceHostKey();
  await assert.rejects(open({ knownHosts }), (error: HostError) => {
    assert.match(error.message, /its key is not the one that is known \(.*known_hosts:1\)/);
    assert.equal(error.exitCode, 2);
    assert.match(error.hint ?? '', /ssh-keygen -R/);
    return true;
  });
  host = await open({ knownHosts: join(work, 'known_hosts.new') });
});

test('each way of not getting in is told apart, in one line, with exit status 2', async () => {
  const knownHosts = join(work, 'known_hosts.new');
  const key = (name: string, ...flags: readonly string[]) => {
    spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-f', join(work, name), ...flags]);
    return join(work, name);
  };
  writeFileSync(join(work, 'not-a-key'), 'hunter2\n');
  const cases: readonly [RegExp, Parameters<typeof open>[0]][] = [
    [/nothing listens on port 1$/, { port: 1 }],
    [/cannot log in as root: the host refuses .*stranger/, { keyFile: key('stranger', '-N', '') }],
    [/is protected by a passphrase/, { keyFile: key('protected', '-N', 'secret') }],
    [/not-a-key is not a private key/, { keyFile: join(work, 'not-a-key') }],
    [/absent cannot be read \(ENOENT\)/, { keyFile: join(work, 'absent') }],
  ];
  for (const [pattern, change] of cases) {
    await assert.rejects(open({ knownHosts, ...change }), (error: HostError) => {
      assert.ok(error instanceof HostError);
      assert.match(error.message, pattern);
      assert.doesNotMatch(error.message, /\n/);
      assert.equal(error.exitCode, 2);
      return true;
    });
  }
});
