// Archives and files on a host, over a real sshd and on this machine itself, read and made by GNU tar, gzip and zstd. Needs root.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import type { Compression } from '@sealos/image';
import { HostError, openHost, openLocalHost, script } from '@sealos/runtime';
import { localTransport } from '../../packages/runtime/src/host/local.ts';
import { unpack } from '../../packages/runtime/src/host/unpack.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { assertSameTree } from '../support/trees.ts';
import { until } from '../support/until.ts';

ensureInstalled(['tar', 'gzip', 'zstd', 'libcap2-bin']);

const work = mkdtempSync(join(tmpdir(), 'sealos-bulk-'));
const never = new AbortController().signal;
let sshd: Sshd;
let tree: string;
/** The tree as an archive, compressed by the programs themselves. */
let archives: Readonly<Record<Compression, Buffer>>;

const overSsh = () =>
  openHost({
    address: { ip: '127.0.0.1', port: sshd.port },
    user: 'root',
    credentials: { keyFile: sshd.keyFile },
    knownHosts: sshd.knownHosts,
    signal: never,
  });
const onThisMachine = () => openLocalHost({ address: { ip: '127.0.0.1', port: 22 }, signal: never });
const kinds = [
  ['over SSH', overSsh],
  ['on this machine', onThisMachine],
] as const;

let directories = 0;
function newDirectory(): string {
  directories += 1;
  return join(work, `into-${directories}`);
}

before(async () => {
  sshd = await startSshd();
  tree = join(work, 'tree');
  for (const directory of ['bin', 'registry/deep', 'registry2', 'etc/registry']) mkdirSync(join(tree, directory), { recursive: true });
  writeFileSync(join(tree, 'bin', 'program'), Buffer.alloc(3_000_000, 'x'), { mode: 0o755 });
  writeFileSync(join(tree, 'bin', 'setuid'), '#!', { mode: 0o755 });
  for (const file of ['registry/deep/blob', 'registry2/kept', 'etc/registry/kept', 'odd [a]*name\\', 'odd axname'])
    writeFileSync(join(tree, file), file);
  symlinkSync('../bin/program', join(tree, 'etc', 'link'));
  execFileSync(
    'sh',
    [
      '-c',
      'ln bin/program bin/hard; chmod 4755 bin/setuid; setcap cap_net_raw+ep bin/program; chown -h 12:34 bin/setuid etc/link; touch -h -d 2001-02-03 etc/link bin/program',
    ],
    { cwd: tree },
  );
  const tar = execFileSync('tar', ['-c', '--xattrs', '--xattrs-include=*', '-C', tree, '.'], { maxBuffer: 1 << 26 });
  const through = (program: string) => execFileSync(program, ['-c'], { input: tar, maxBuffer: 1 << 26 });
  archives = { none: tar, gzip: through('gzip'), zstd: through('zstd') };
});

after(async () => {
  await sshd[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

const inPieces = (bytes: Buffer) =>
  Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
    })(),
  );

/** An archive with one file that never ends. */
const endless = () => {
  const file = join(work, 'sparse');
  execFileSync('truncate', ['-s', '1T', file]);
  const header = execFileSync('sh', ['-c', `tar -c -C ${work} sparse | head -c 512`]);
  return Readable.from(
    (function* () {
      yield header;
      for (;;) yield Buffer.alloc(1 << 20);
    })(),
  );
};

for (const [kind, open] of kinds) {
  test(`${kind}: archives of every compression come out as the tree they were made of: modes, owners, times, links, capabilities`, async () => {
    await using host = await open();
    for (const compression of ['none', 'gzip', 'zstd'] as const) {
      const into = newDirectory();
      let sent = 0;
      const onBytes = (bytes: number) => {
        assert.ok(bytes > sent);
        sent = bytes;
      };
      await host.unpack(inPieces(archives[compression]), into, { title: 'unpacking', compression, onBytes });
      assert.equal(sent, archives[compression].length);
      await assertSameTree(into, tree);
      assert.match(execFileSync('getcap', [join(into, 'bin', 'program')], { encoding: 'utf8' }), /cap_net_raw=ep/);
    }
  });

  test(`${kind}: what is excluded stays away with all below it, and only that`, async () => {
    await using host = await open();
    const into = newDirectory();
    await host.unpack(inPieces(archives.zstd), into, { title: 'unpacking', compression: 'zstd', exclude: ['registry', 'odd [a]*name\\'] });
    assert.deepEqual(readdirSync(into).sort(), ['bin', 'etc', 'odd axname', 'registry2']);
    assert.deepEqual(readdirSync(join(into, 'etc')).sort(), ['link', 'registry']);
  });

  test(`${kind}: files that are there are replaced, also programs that run`, async () => {
    await using host = await open();
    const into = newDirectory();
    mkdirSync(join(into, 'bin'), { recursive: true });
    execFileSync('cp', ['/bin/sleep', join(into, 'bin', 'program')]);
    const { stdout } = await host.run(script`${`${into}/bin/program`} 1000 >/dev/null 2>&1 & echo $!`, { title: 'starting' });
    try {
      await host.unpack(inPieces(archives.gzip), into, { title: 'unpacking', compression: 'gzip' });
      assert.equal(statSync(join(into, 'bin', 'program')).size, 3_000_000);
    } finally {
      process.kill(Number(stdout));
    }
  });

  test(`${kind}: an archive that is cut off or damaged fails, and says on which host and where`, async () => {
    await using host = await open();
    const whole = archives.zstd;
    const damaged = Buffer.from(archives.gzip);
    damaged.fill(0, 200, 300);
    for (const [bytes, compression] of [
      [archives.none.subarray(0, 1_000_000), 'none'],
      [whole.subarray(0, whole.length - 20), 'zstd'],
      [damaged, 'gzip'],
      [Buffer.from('this is no archive'), 'none'],
    ] as const) {
      const into = newDirectory();
      await assert.rejects(host.unpack(inPieces(bytes), into, { title: 'unpacking', compression }), (error: HostError) => {
        assert.ok(error instanceof HostError);
        assert.ok(error.message.startsWith(`${host.name}: 'unpacking' into ${into} failed (exit status `), error.message);
        return true;
      });
    }
  });

  test(`${kind}: a source that fails is told as it failed, also between two files and after the last one`, async () => {
    await using host = await open();
    writeFileSync(join(work, 'one'), '1');
    const one = execFileSync('tar', ['-c', '-C', work, 'one']).subarray(0, 1024);
    const end = Buffer.alloc(10_240);
    for (const sent of [archives.none.subarray(0, 100_000), one, Buffer.concat([one, end])]) {
      const failing = Readable.from(
        (async function* () {
          yield sent;
          throw Object.assign(new Error('the registry went away'), { code: 'ECONNRESET' });
        })(),
      );
      const into = newDirectory();
      await assert.rejects(host.unpack(failing, into, { title: 'unpacking', compression: 'none' }), /the registry went away/);
    }
  });

  test(`${kind}: a full disk is told by host and directory, without sending the rest`, async () => {
    await using host = await open();
    const full = newDirectory();
    mkdirSync(full);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', full]);
    try {
      await assert.rejects(host.unpack(inPieces(archives.gzip), full, { title: 'unpacking', compression: 'gzip' }), (error: HostError) => {
        assert.equal(error.message, `${host.name}: 'unpacking' failed: the disk of ${full} is full`);
        assert.ok(error.hint);
        return true;
      });
      const path = join(full, 'new');
      const big = [{ path, content: Buffer.alloc(4_000_000), mode: 0o644 }];
      await assert.rejects(host.writeFiles(big, { title: 'writing' }), /No space left on device/);
      assert.deepEqual(
        readdirSync(full).filter((name) => name.includes('new')),
        [],
        'nothing half-written is left',
      );
    } finally {
      execFileSync('umount', [full]);
    }
  });

  test(`${kind}: an abort ends the remote tar`, async () => {
    await using host = await open();
    const into = newDirectory();
    mkdirSync(into);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2g', 'tmpfs', into]);
    try {
      const stop = new AbortController();
      const body = endless();
      const onBytes = (sent: number) => {
        if (sent > 5_000_000) stop.abort(new Error('enough'));
      };
      await assert.rejects(host.unpack(body, into, { title: 'unpacking', compression: 'none', signal: stop.signal, onBytes }), /enough/);
      assert.ok(body.destroyed);
      await until('tar to be gone', 60_000, async () => (spawnSync('pgrep', ['-f', `tar .*-C ${into} `]).status === 1 ? true : undefined));
    } finally {
      execFileSync('umount', [into]);
    }
  });

  test(`${kind}: files are written once, with their modes, and not again`, async () => {
    await using host = await open();
    const directory = newDirectory();
    const [text, binary, linked] = [join(directory, 'deep', "it's a file"), join(directory, 'binary'), join(directory, 'linked')];
    const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 256));
    const files = [
      { path: text, content: 'text', mode: 0o640 },
      { path: binary, content: bytes, mode: 0o755 },
    ];
    assert.deepEqual(await host.writeFiles(files, { title: 'writing' }), [text, binary]);
    assert.deepEqual([statSync(text).mode & 0o7777, statSync(binary).mode & 0o7777], [0o640, 0o755]);
    assert.ok(readFileSync(binary).equals(bytes));
    assert.deepEqual(Buffer.from((await host.readFile(binary)) ?? []), bytes);
    const { ino } = statSync(binary);
    assert.deepEqual(await host.writeFiles(files, { title: 'writing' }), []);
    writeFileSync(text, 'changed');
    execFileSync('chmod', ['600', text]);
    assert.deepEqual(await host.writeFiles(files, { title: 'writing' }), [text]);
    assert.equal((await host.readFile(text))?.toString(), 'text');
    assert.equal(statSync(binary).ino, ino, 'what was right was not touched');
    assert.deepEqual(readdirSync(join(directory, 'deep')), ["it's a file"]);

    symlinkSync(binary, linked);
    assert.deepEqual(await host.writeFiles([{ path: linked, content: 'own', mode: 0o644 }], { title: 'writing' }), [linked]);
    assert.ok(readFileSync(binary).equals(bytes), 'a link is replaced, not followed');
    assert.equal(await host.readFile(join(directory, 'absent')), undefined);
    assert.equal(await host.readFile(directory), undefined);
    assert.equal((await host.readFile('/dev/null')) ?? 'none', 'none');
  });

  test(`${kind}: where one file cannot be written, none is, and nothing is left behind`, async () => {
    await using host = await open();
    const directory = newDirectory();
    mkdirSync(join(directory, 'taken'), { recursive: true });
    const files = ['one', 'taken', 'two'].map((name) => ({ path: join(directory, name), content: name, mode: 0o644 }));
    await assert.rejects(host.writeFiles(files, { title: 'writing' }), (error: HostError) => {
      assert.match(error.message, /'writing' failed \(exit status 1\):\n {4}.*taken is a directory/);
      return true;
    });
    assert.deepEqual(readdirSync(directory), ['taken']);
    await assert.rejects(
      host.writeFiles([{ path: 'relative', content: '', mode: 0o644 }], { title: 'writing' }),
      /'relative' is not an absolute path/,
    );
  });
}

test('a host without the program is sent what was decompressed on the way; bytes are counted as they are in the archive', async () => {
  const identity = { name: 'here', user: 'root', isRoot: true, password: undefined };
  await using transport = localTransport();
  for (const compression of ['gzip', 'zstd'] as const) {
    const into = newDirectory();
    let sent = 0;
    const options = {
      title: 'unpacking',
      compression,
      onBytes: (bytes: number) => {
        sent = bytes;
      },
    };
    const way = { transport, identity, loop: process.pid, programs: [] };
    await unpack(way, inPieces(archives[compression]), into, options);
    await assertSameTree(into, tree);
    assert.equal(sent, archives[compression].length);
    const cut = archives[compression].subarray(0, archives[compression].length - 20);
    await assert.rejects(unpack(way, inPieces(cut), newDirectory(), options), /data is damaged or cut off/);
  }
});

test('an archive whose operator vanished without a goodbye is no longer waited for', async () => {
  const identity = { name: 'here', user: 'root', isRoot: true, password: undefined };
  await using transport = localTransport();
  const loop = spawn('sleep', ['1000']);
  const into = newDirectory();
  let sent = 0;
  // A body that comes to a halt: the connection is there, and nothing comes any more.
  const body = new Readable({ read() {} });
  body.push(archives.none.subarray(0, archives.none.length / 2));
  const options = {
    title: 'unpacking',
    compression: 'none' as const,
    onBytes: (bytes: number) => {
      sent = bytes;
    },
  };
  const unpacking = unpack({ transport, identity, loop: loop.pid ?? -1, programs: [] }, body, into, options);
  const failed = assert.rejects(unpacking, /'unpacking' into .* failed \(exit status 137\)/);
  await until('half of it to be there', 60_000, async () => (sent > 0 ? true : undefined));
  loop.kill('SIGKILL');
  await failed;
});

test('a connection that is cut while an archive is sent is told', async () => {
  const own = await startSshd();
  try {
    const host = await openHost({
      address: { ip: '127.0.0.1', port: own.port },
      user: 'root',
      credentials: { keyFile: own.keyFile },
      knownHosts: own.knownHosts,
      signal: never,
    });
    let cut = false;
    const onBytes = (sent: number) => {
      if (cut || sent < 5_000_000) return;
      cut = true;
      own.cutConnections();
    };
    const into = newDirectory();
    await assert.rejects(host.unpack(endless(), into, { title: 'sending layers', compression: 'none', onBytes }), (error: HostError) => {
      assert.equal(error.message, `${host.name}: the connection was lost during 'sending layers'`);
      return true;
    });
    await assert.rejects(host.unpack(inPieces(archives.none), into, { title: 'sending more', compression: 'none' }), (error: HostError) => {
      assert.equal(error.message, `${host.name}: the connection was lost during 'sending more'`);
      return true;
    });
    await host[Symbol.asyncDispose]();
    assert.ok(existsSync(into));
  } finally {
    await own[Symbol.asyncDispose]();
  }
});

test('an sshd that opens no second session is told so', async () => {
  const own = await startSshd(['MaxSessions 1']);
  try {
    await using host = await openHost({
      address: { ip: '127.0.0.1', port: own.port },
      user: 'root',
      credentials: { keyFile: own.keyFile },
      knownHosts: own.knownHosts,
      signal: never,
    });
    await assert.rejects(
      host.unpack(inPieces(archives.none), newDirectory(), { title: 'unpacking', compression: 'none' }),
      (error: HostError) => {
        assert.equal(error.message, `${host.name}: sshd opens no further session for 'unpacking'`);
        assert.match(error.hint ?? '', /MaxSessions/);
        return true;
      },
    );
    assert.equal((await host.run(script`echo fine`, { title: 'try' })).stdout, 'fine');
  } finally {
    await own[Symbol.asyncDispose]();
  }
});
