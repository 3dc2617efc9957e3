// Scripts on a host, over a real sshd and on this machine itself: the same promises for both. Needs root.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { HostError, openHost, openLocalHost, raw, script, secret } from '@sealos/runtime';
import { gone, pidFrom } from '../support/host-processes.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { until } from '../support/until.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-shell-'));
const never = new AbortController().signal;
let sshd: Sshd;

const overSsh = (ip = '127.0.0.1') =>
  openHost({
    address: { ip, port: sshd.port },
    user: 'root',
    credentials: { keyFile: sshd.keyFile },
    knownHosts: sshd.knownHosts,
    signal: never,
  });
const onThisMachine = () => openLocalHost({ address: { ip: '127.0.0.1', port: 22 }, signal: never });

before(async () => {
  sshd = await startSshd();
});

after(async () => {
  await sshd[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

let files = 0;
function newFile(): string {
  files += 1;
  return join(work, `pid-${files}`);
}

const kinds = [
  ['over SSH', () => overSsh()],
  ['on this machine', onThisMachine],
] as const;

for (const [kind, open] of kinds) {
  test(kind, async (t) => {
    await using host = await open();
    const output = (text: string) => host.run(script`${raw(text)}`, { title: 'try', allowFailure: true });

    await t.test('output, errors and exit status come back apart, whatever the output ends with', async () => {
      assert.deepEqual(await output("echo out; echo err >&2; printf 'no newline'; exit 3"), {
        exitCode: 3,
        stdout: 'out\nno newline',
        stderr: 'err',
      });
      assert.deepEqual(await host.run(script`printf %s ${"a 'quoted' $word\nand a line\n\n"}`, { title: 'try' }), {
        exitCode: 0,
        stdout: "a 'quoted' $word\nand a line\n",
        stderr: '',
      });
    });

    await t.test('scripts of every kind work: exit, set -e, here documents, functions, traps, any language, a megabyte', async () => {
      assert.equal((await output('exit 42')).exitCode, 42);
      assert.deepEqual(await output('set -e; echo before; false; echo after'), { exitCode: 1, stdout: 'before', stderr: '' });
      assert.equal((await output("cat <<'END'\n$not 'expanded' \\\nEND\ncat <<END\n$((6 * 7))\nEND")).stdout, "$not 'expanded' \\\n42");
      assert.equal((await output('f() { local a=$1; echo "<$a>"; }; f "x y"; trap "echo trapped" EXIT')).stdout, '<x y>\ntrapped');
      assert.equal((await host.run(script`printf '%s' ${'äöü € 漢字 🙂'}`, { title: 'try' })).stdout, 'äöü € 漢字 🙂');
      assert.equal((await output(`: ${'x'.repeat(1_000_000)}\necho end`)).stdout, 'end');
      assert.equal((await output('yes | head -n 2')).stdout, 'y\ny');
      assert.match((await output('if')).stderr, /syntax error/);
      assert.notEqual((await output('if')).exitCode, 0);
    });

    await t.test('scripts start from a clean state: no input, plain messages, nothing left of the one before', async () => {
      await output('cd /; leftover=1; set -x');
      assert.deepEqual(await output('cat; echo "$LC_ALL $HOME ${leftover-none}"; umask'), {
        exitCode: 0,
        stdout: 'C /root none\n0022',
        stderr: '',
      });
    });

    await t.test('lines are told as they come, without secrets', async () => {
      const lines: string[] = [];
      const options = { title: 'try', onLine: (line: string) => lines.push(line) };
      await host.run(script`echo one; echo ${secret('hunter2')} is the password; sleep 0.1; printf 'three' >&2`, options);
      assert.deepEqual(lines, ['one', '*** is the password', 'three']);
    });

    await t.test('a failure names the host, the step, the status and the last lines, and no secret', async () => {
      const failing = host.run(script`for i in 1 2 3; do echo line $i; done; echo the password is ${secret("s3cr'et")} >&2; exit 7`, {
        title: 'telling a secret',
      });
      await assert.rejects(failing, (error: HostError) => {
        assert.ok(error instanceof HostError);
        assert.equal(
          error.message,
          `${host.name}: 'telling a secret' failed (exit status 7):\n    line 1\n    line 2\n    line 3\n    the password is ***`,
        );
        assert.deepEqual([error.host, error.title, error.commandStatus], [host.name, 'telling a secret', 7]);
        return true;
      });
    });

    await t.test('scripts, and the secrets in them, are in no argument list', async () => {
      const { stdout } = await host.run(
        script`: ${secret('needle-in-argv')}; cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\n' | grep -c '[n]eedle-in-argv' || true`,
        { title: 'looking' },
      );
      assert.equal(stdout, '0');
    });

    await t.test('calls at the same time take their turns; one that waits can be aborted', async () => {
      const stop = new AbortController();
      const first = host.run(script`sleep 0.3; echo first`, { title: 'first' });
      const second = host.run(script`echo second`, { title: 'second', signal: stop.signal });
      const third = host.run(script`echo third`, { title: 'third' });
      stop.abort(new Error('enough'));
      await assert.rejects(second, /enough/);
      assert.deepEqual([(await first).stdout, (await third).stdout], ['first', 'third']);
    });

    await t.test('an abort ends the command and all it started, also what will not end; the host can be used further', async () => {
      const [willing, unwilling] = [newFile(), newFile()];
      const stop = new AbortController();
      const running = host.run(
        script`sleep 1000 & echo $! > ${willing}; bash -c 'trap "" TERM; while :; do sleep 0.1; done' & echo $! > ${unwilling}; wait`,
        { title: 'waiting', signal: stop.signal },
      );
      const pids = [await pidFrom(willing), await pidFrom(unwilling)];
      stop.abort(new Error('enough'));
      await assert.rejects(running, /enough/);
      for (const pid of pids) await gone(pid);
      assert.equal((await output('echo fine')).stdout, 'fine');
    });

    await t.test('a timeout ends the command and says which and where', async () => {
      const file = newFile();
      const running = host.run(script`echo $BASHPID > ${file}; echo working; exec sleep 1000`, { title: 'a slow thing', timeout: 500 });
      const [pid] = await Promise.all([
        pidFrom(file),
        assert.rejects(running, { message: `${host.name}: 'a slow thing' was ended after 1 s:\n    working` }),
      ]);
      await gone(pid);
    });

    await t.test('a script that ends its whole process group, or closes its output, is told; the next one runs', async () => {
      assert.equal((await output('kill -9 0')).exitCode, 137);
      assert.deepEqual(await output('exec >&- 2>&-; exit 5'), { exitCode: 5, stdout: '', stderr: '' });
      assert.equal((await output('echo still here')).stdout, 'still here');
    });

    await t.test('a process that is left behind with the output open holds nothing up', async () => {
      const file = newFile();
      assert.equal((await host.run(script`sleep 1000 & echo $! > ${file}; echo done`, { title: 'try' })).stdout, 'done');
      const pid = await pidFrom(file);
      assert.equal((await output('echo next')).stdout, 'next');
      process.kill(pid);
    });

    await t.test('output is kept up to 16 MiB, in one line as well; more ends the command', async () => {
      assert.equal((await output("head -c 12000000 /dev/zero | tr '\\0' x")).stdout.length, 12_000_000);
      await assert.rejects(host.run(script`yes`, { title: 'talking' }), /'talking' printed more than 16 MiB and was ended/);
      const { stderr } = await output('seq 100000 >&2');
      assert.ok(stderr.endsWith('99999\n100000'), 'of the errors the end is kept');
      assert.equal((await output('echo fine')).stdout, 'fine');
    });
  });
}

/** A program that opens a host and runs a script on it for ever. */
function operator(open: string, file: string): string {
  const program = join(work, `operator-${files}.ts`);
  const root = dirname(dirname(import.meta.dirname));
  writeFileSync(
    program,
    `import { openHost, openLocalHost, script } from '${root}/packages/runtime/src/index.ts';
const signal = new AbortController().signal;
const host = await ${open};
await host.run(script\`echo $BASHPID > \${'${file}'}; exec sleep 1000\`, { title: 'waiting' });`,
  );
  return program;
}

for (const kind of ['over SSH', 'on this machine']) {
  test(`${kind}, when the operator is killed, its command ends too`, async () => {
    const file = newFile();
    const credentials = `user: 'root', credentials: { keyFile: '${sshd.keyFile}' }, knownHosts: '${sshd.knownHosts}'`;
    const open =
      kind === 'over SSH'
        ? `openHost({ address: { ip: '127.0.0.1', port: ${sshd.port} }, ${credentials}, signal })`
        : `openLocalHost({ address: { ip: '127.0.0.1', port: 22 }, signal })`;
    const child = spawn(process.execPath, [operator(open, file)], { stdio: 'inherit' });
    const pid = await pidFrom(file).finally(() => child.kill('SIGKILL'));
    await gone(pid);
  });
}

test('a host is reached over IPv6', async () => {
  await using host = await overSsh('::1');
  assert.equal(host.name, `[::1]:${sshd.port}`);
  assert.equal((await host.run(script`echo "$SSH_CONNECTION"`, { title: 'try' })).stdout.split(' ')[2], '::1');
});

test('a host that is closed ends what runs there', async () => {
  for (const open of [() => overSsh(), onThisMachine]) {
    const file = newFile();
    const host = await open();
    const running = host.run(script`echo $BASHPID > ${file}; exec sleep 1000`, { title: 'waiting' });
    const lost = assert.rejects(running, HostError);
    const pid = await pidFrom(file);
    await host[Symbol.asyncDispose]();
    await lost;
    await gone(pid);
  }
});

test('a connection that is cut fails the command, and each one after it, with the host, the step and advice', async () => {
  const own = await startSshd();
  const credentials = { keyFile: own.keyFile };
  const host = await openHost({
    address: { ip: '127.0.0.1', port: own.port },
    user: 'root',
    credentials,
    knownHosts: own.knownHosts,
    signal: never,
  });
  const file = newFile();
  const running = host.run(script`echo $BASHPID > ${file}; exec sleep 1000`, { title: 'a long step' });
  const lost = (title: string) => (error: HostError) => {
    assert.equal(error.message, `${host.name}: the connection was lost during '${title}'`);
    assert.ok(error.hint);
    return true;
  };
  const pid = await pidFrom(file);
  own.cutConnections();
  await assert.rejects(running, lost('a long step'));
  await assert.rejects(host.run(script`true`, { title: 'the next step' }), lost('the next step'));
  await gone(pid);
  await host[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
});

test('an abort while connecting leaves no connection', async () => {
  const stop = new AbortController();
  const opening = openHost({
    address: { ip: '127.0.0.1', port: sshd.port },
    user: 'root',
    credentials: { keyFile: sshd.keyFile },
    knownHosts: sshd.knownHosts,
    signal: stop.signal,
  });
  setImmediate(() => stop.abort(new Error('enough')));
  await assert.rejects(opening, /enough/);
  await until('sshd to have no connection', 60_000, async () => (sshd.connections() === 0 ? true : undefined));
});
