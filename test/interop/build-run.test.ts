// RUN: what it sees, what it leaves, and what is left when it is killed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import {
  type BuildOptions,
  buildImage,
  listFiles,
  openImage,
  openStore,
  parseReference,
  readFiles,
  SealosError,
  type Store,
} from '@sealos/image';
import { ensureInstalled, unpacked } from '../../scripts/debian.ts';
import { withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';
import { until } from '../support/until.ts';

const skip = process.getuid?.() !== 0 && 'only root can isolate';
const REF = parseReference('localhost/x:1');
const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/sh\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n';

before(() => ensureInstalled(['umoci', 'skopeo', 'openssh-client']));

interface Place {
  readonly store: Store;
  readonly context: string;
  readonly directory: string;
  /** Builds the lines on a base with busybox; returns what RUN printed. */
  build(lines: string, more?: Partial<BuildOptions>): Promise<string>;
  text(path: string): Promise<string | undefined>;
}

async function withPlace(work: (place: Place) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await copyFile(join(unpacked('busybox-static'), 'bin/busybox'), join(context, 'busybox'));
    await using store = await openStore(join(directory, 'store'));
    await work({
      store,
      context,
      directory,
      async build(lines, more = {}) {
        let output = '';
        await writeFile(join(context, 'Kubefile'), `${BASE}${lines}`);
        const onOutput = (text: string) => {
          output += text;
        };
        await buildImage(store, { context, names: ['localhost/x:1'], environment: {}, onOutput, ...more });
        return output;
      },
      async text(path) {
        const files = await readFiles(store, await openImage(store, REF), (file) => file.path === path);
        return files.get(path)?.toString();
      },
    });
  });
}

/** What of a directory's tree is mounted anywhere on this machine. */
function mountsBelow(directory: string): readonly string[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(directory));
}

function leasesIn(store: string): readonly string[] {
  const leases = join(store, 'sealos/leases');
  return existsSync(leases) ? readdirSync(leases) : [];
}

test('a RUN sees itself alone: its own processes, host name, devices and no capability over the machine', { skip }, () =>
  withPlace(async ({ build }) => {
    const output = await build(
      [
        'RUN echo pid $$; echo processes $(ls -d /proc/[0-9]* | wc -l); hostname',
        'RUN grep CapEff /proc/self/status; mount -t tmpfs x /mnt 2>&1 || echo no mount',
        'RUN echo 1 > /proc/sys/kernel/panic || echo proc is read-only; touch /sys/x || echo sys is read-only; ls /dev',
        'RUN cat /proc/self/mountinfo | grep -c " / / "; chroot / ls / | tr "\\n" " "',
      ].join('\n'),
      { noCache: true },
    );
    assert.match(output, /^pid 1$/m);
    assert.match(output, /^processes [1-4]$/m);
    assert.match(output, /^sealos-build$/m);
    assert.match(output, /^CapEff:\s+00000000a80425fb$/m, "the capabilities of docker's containers");
    assert.match(output, /^no mount$/m);
    assert.match(output, /^proc is read-only$/m);
    assert.match(output, /^sys is read-only$/m);
    assert.match(output, /^null$/m);
    assert.match(output, /^bin dev etc proc sys $/m);
  }),
);

test('with --network none there is no network but loopback, else the machine’s own', { skip }, () =>
  withPlace(async ({ build }) => {
    const count = (output: string) => output.split('\n').filter((line) => /^\d+: /.test(line)).length;
    const none = await build('RUN --network=none ip -o link\n');
    assert.ok(
      none.split('\n').every((line) => line === '' || !/UP/.test(line) || /\blo\b/.test(line)),
      none,
    );
    assert.ok(count(await build('RUN ip -o link\n')) >= 1);
    assert.match(await build('RUN ip -o addr || true\n', { network: 'none' }), /^$|127\.0\.0\.1/);
  }),
);

test(
  'what a RUN changes is a layer: new, changed and deleted files, replaced directories, hard links; nothing of its mounts',
  { skip },
  () =>
    withPlace(async ({ build, store, directory, context }) => {
      await mkdir(join(context, 'tree/deep'), { recursive: true });
      for (const name of ['tree/keep', 'tree/change', 'tree/delete', 'tree/deep/gone', 'tree/link'])
        await writeFile(join(context, name), name);
      await build(
        [
          'COPY tree /tree',
          'RUN echo more >> /tree/change; rm /tree/delete; rm -r /tree/deep; mkdir /tree/deep; echo new > /tree/deep/new',
          'RUN ln /tree/link /tree/second; chown 5:6 /tree/keep; chmod 4711 /tree/keep; touch -d "2001-02-03 04:05:06" /tree/old',
          'RUN rm -r /tree/deep && echo file > /tree/deep; mkdir /tree/late && touch /tree/late/x && rm -r /tree/late',
          'RUN true',
        ].join('\n'),
        { compression: 'gzip' },
      );
      const image = await openImage(store, REF);
      const files = await listFiles(store, image);
      const paths = [...files.keys()].filter((path) => !path.startsWith('bin/'));
      assert.deepEqual(paths, ['bin', 'tree', 'tree/change', 'tree/deep', 'tree/keep', 'tree/link', 'tree/old', 'tree/second']);
      assert.equal(files.get('tree/keep')?.mode, 0o4711);
      assert.equal(files.get('tree/keep')?.uid, 5);
      assert.equal(files.get('tree/old')?.mtime, Date.UTC(2001, 1, 3, 4, 5, 6) / 1000);
      assert.equal(image.layers.length, 7, 'a RUN that changes nothing has no layer');
      const layout = join(directory, 'layout');
      await run('skopeo', ['copy', '--quiet', `oci:${store.path}:localhost/x:1`, `oci:${layout}:x`]);
      await run('umoci', ['unpack', '--image', `${layout}:x`, join(directory, 'bundle')]);
      await run(sealos, ['save', '--help']);
      const { unpackImage } = await import('@sealos/image');
      await unpackImage(store, image, join(directory, 'ours'));
      await assertSameTree(join(directory, 'ours'), join(directory, 'bundle/rootfs'), { directoryTimes: false });
      assert.deepEqual(mountsBelow(directory), []);
    }),
);

test('USER, WORKDIR, SHELL, ENV and ARG are what RUN runs with; programs of an image need no shell', { skip }, () =>
  withPlace(async ({ build, context }) => {
    await writeFile(join(context, 'passwd'), 'app:x:1000:2000::/home/app:/bin/sh\n');
    const output = await build(
      [
        'COPY passwd /etc/passwd',
        'ARG GIVEN=default',
        'ENV dotted.name=2',
        'RUN ["/bin/busybox", "env"]',
        'ENV A=1 QUOTED="it\'s $GIVEN" LANG=C.UTF-8 LD_LIBRARY_PATH=/lib',
        'WORKDIR /work',
        'USER app',
        'RUN id -u; id -g; pwd; echo $HOME; echo $A-$QUOTED-$LANG-$LD_LIBRARY_PATH-$GIVEN',
        'USER 7:8',
        'RUN ["/bin/busybox", "id"]',
        'USER 0',
        'SHELL ["/bin/sh", "-xc"]',
        'RUN true traced',
      ].join('\n'),
      { buildArgs: { GIVEN: 'given', HTTP_PROXY: 'http://proxy.invalid:1' } },
    );
    assert.match(output, /^1000\n2000\n\/work\n\/home\/app\n1-it's given-C\.UTF-8-\/lib-given$/m);
    assert.match(output, /^dotted\.name=2$/m);
    assert.match(output, /^HTTP_PROXY=http:\/\/proxy\.invalid:1$/m);
    assert.doesNotMatch(output, /LC_ALL|LIBMOUNT/);
    assert.match(output, /^uid=7 gid=8/m);
    assert.match(output, /^\+ true traced$/m);
  }),
);

test('here-documents are scripts, input of commands, and programs of their own', { skip }, () =>
  withPlace(async ({ build }) => {
    const output = await build(
      [
        'ENV A=value',
        'RUN <<EOF\nset -e\necho script $A\n# not a comment of the file\necho two \\\n  lines\nEOF',
        'RUN cat <<ONE - <<-"TWO"\nfirst $A\nONE\n\t\tsecond $A\n\tTWO',
        'RUN <<PROGRAM\n#!/bin/awk -f\nBEGIN { print "awk", 6 * 7 }\nPROGRAM',
      ].join('\n'),
    );
    assert.match(output, /^script value\ntwo lines$/m);
    assert.match(output, /^second \$A$/m);
    assert.match(output, /^awk 42$/m);
  }),
);

test('a mount shows a directory named for the build; the RUN is carried out again when something changes there', { skip }, () =>
  withPlace(async ({ build, directory }) => {
    const beside = join(directory, 'beside');
    await mkdir(beside);
    const line = 'RUN --mount=type=bind,from=beside,target=/src cat /src/input; touch /src/x || echo read-only';
    for (const text of ['one', 'another']) {
      await writeFile(join(beside, 'input'), `${text}\n`);
      const output = await build(line, { contexts: { beside: { directory: beside } } });
      assert.match(output, new RegExp(`^${text}\\n[^]*read-only$`, 'm'));
    }
    assert.equal(await build(line, { contexts: { beside: { directory: beside } } }), '');
  }),
);

test('mounts: the context and stages to read, caches that stay, memory, and secrets that do not', { skip }, () =>
  withPlace(async ({ build, store, context, directory }) => {
    await writeFile(join(context, 'input'), 'from context\n');
    await writeFile(join(directory, 'secret'), 'hunter2');
    const lines = [
      'RUN --mount=type=bind,target=/src cat /src/input; touch /src/x || echo read-only',
      'RUN --mount=type=bind,source=input,target=/one/file,rw cat /one/file',
      'RUN --mount=target=/src,rw echo scribbled > /src/input; true',
      'RUN --mount=type=cache,target=/cache cat /cache/count 2>/dev/null; echo x >> /cache/count',
      'RUN --mount=type=tmpfs,target=/memory,size=1000000 df /memory | tail -1; touch /memory/x',
      'RUN --mount=type=secret,id=token,env=TOKEN --mount=type=secret,id=token,target=/keys/t,mode=0440 stat -c "%a" /keys/t; cat /keys/t | wc -c; [ "$TOKEN" = "$(cat /keys/t)" ] && echo known',
      'RUN --mount=type=secret,id=other ls /run/secrets 2>&1 || echo not given',
      'RUN echo kept > /kept',
    ].join('\n');
    const secrets = { token: { file: join(directory, 'secret') } };
    const output = await build(lines, { secrets });
    assert.match(output, /^from context$/m);
    assert.match(output, /^read-only$/m);
    assert.match(output, /^440\n7\nknown$/m);
    assert.match(output, /^not given$/m);
    assert.equal(readFileSync(join(context, 'input'), 'utf8'), 'from context\n');
    const files = await listFiles(store, await openImage(store, REF));
    assert.deepEqual(
      [...files.keys()].filter((path) => !path.startsWith('bin')),
      ['kept'],
      'nothing that was mounted, nor a place to mount on, is in the image',
    );
    assert.match(await build(`${lines}\n`, { secrets, noCache: true }), /^x$/m, 'a cache is there again');
    const blobs = join(store.path, 'blobs/sha256');
    for (const name of readdirSync(blobs)) assert.ok(!readFileSync(join(blobs, name)).includes('hunter2'), 'a secret is in the store');
    await assert.rejects(build('RUN --mount=type=secret,id=other,required=true true\n'), /Kubefile:5: RUN needs the secret 'other'/);
  }),
);

test('a volume is seen by every RUN, is written to only where that is allowed, and is not in the image', { skip }, () =>
  withPlace(async ({ build, store, directory }) => {
    const shared = join(directory, 'shared');
    await mkdir(shared);
    await writeFile(join(shared, 'input'), 'of this machine\n');
    const volume = { source: shared, target: '/srv/shared' };
    const lines = 'RUN cat /srv/shared/input; touch /srv/shared/a || echo read-only\nRUN touch /srv/shared/b || echo again; touch /kept\n';
    const read = await build(lines, { volumes: [{ ...volume, access: 'read' }] });
    assert.match(read, /^of this machine\n[\s\S]*read-only\n[\s\S]*again$/m);
    const scratch = await build(lines, { volumes: [{ ...volume, access: 'scratch' }], noCache: true });
    assert.doesNotMatch(scratch, /read-only|again/);
    assert.deepEqual(readdirSync(shared), ['input']);
    await build(`${lines}RUN mknod /srv/shared/null c 1 3; ! echo x > /srv/shared/null\n`, { volumes: [{ ...volume, access: 'write' }] });
    assert.deepEqual(readdirSync(shared), ['a', 'b', 'input', 'null']);
    const one = [{ source: join(shared, 'input'), target: '/etc/one', access: 'read' as const }];
    assert.match(await build('RUN cat /etc/one; touch /kept\n', { volumes: one }), /^of this machine$/m);
    const files = await listFiles(store, await openImage(store, REF));
    assert.deepEqual(
      [...files.keys()].filter((path) => !path.startsWith('bin')),
      ['kept'],
    );
  }),
);

test('--volume is read as buildah reads it, and what is wrong with it or with --ssh is told before anything is built', { skip }, () =>
  withPlace(async ({ context, directory }) => {
    await writeFile(join(context, 'Kubefile'), `${BASE}RUN touch /srv/shared/x || [ -e /srv/shared/input ]\n`);
    const shared = join(directory, 'shared');
    await mkdir(shared);
    await writeFile(join(shared, 'input'), 'of this machine\n');
    const env = { SEALOS_STORAGE: join(directory, 'store'), SSH_AUTH_SOCK: '' };
    const ours = (volume: string, flag = '-v') => run(sealos, ['build', '-q', flag, volume, '-t', 'x', context], env);
    for (const [ssh, why] of [
      ['default', /names no agent, and there is none \(SSH_AUTH_SOCK is not set\)/],
      [`default=${shared}/input`, /names no agent's socket: .*ssh-add/s],
      [`default=${shared}/absent`, /names what is not there/],
      [`=${shared}`, /has no id/],
    ] as const) {
      await assert.rejects(ours(ssh, '--ssh'), why, ssh);
    }
    for (const [volume, why] of [
      [shared, /is not FROM:TO/],
      [`${shared}:srv`, /is not FROM:TO/],
      [`${shared}:/`, /the place of the whole image/],
      [`${shared}/absent:/srv`, /names what is not there: .*absent/],
      [`${shared}:/srv:U`, /an option that is not known here, 'U'/],
      [`${shared}/input:/srv:O`, /is no directory/],
    ] as const) {
      await assert.rejects(ours(volume), why, volume);
    }
    await ours(`${shared}:/srv/shared:ro,z`);
    assert.deepEqual(readdirSync(shared), ['input']);
    await ours(`${shared}:/srv/shared`);
    assert.deepEqual(readdirSync(shared), ['input', 'x']);
  }),
);

test('an SSH agent of this machine is there for the RUN that asks for it, and its keys stay where they are', { skip }, () =>
  withPlace(async ({ build, context, directory }) => {
    // OpenSSH's own client, with what it is linked to.
    const libraries = (await run('ldd', ['/usr/bin/ssh-add'])).match(/\/\S+/g) ?? [];
    await run('sh', ['-c', 'cd "$0" && mkdir root && cp --parents -L "$@" root', context, '/usr/bin/ssh-add', ...libraries]);
    const socket = join(directory, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: 'ignore' });
    try {
      await until('the agent to listen', 10_000, async () => existsSync(socket) || undefined);
      const key = join(directory, 'key');
      await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'of the user', '-f', key]);
      await run('ssh-add', ['-q', key], { SSH_AUTH_SOCK: socket });
      const lines =
        'COPY root /\nRUN --mount=type=ssh ssh-add -L; echo "at $SSH_AUTH_SOCK"; stat -c %a "$SSH_AUTH_SOCK"\nRUN ls /run 2>&1; echo "${SSH_AUTH_SOCK:-none}"\n';
      const output = await build(lines, { agents: { default: socket } });
      assert.ok(output.includes(readFileSync(`${key}.pub`, 'utf8')), output);
      assert.match(output, /^at \/run\/buildkit\/ssh_agent\.0\n600$/m);
      assert.match(output, /No such file or directory\nnone$/m, 'another RUN sees nothing of it, nor does the image');
      const other = 'COPY root /\nRUN --mount=type=ssh,id=deploy,target=/agent,mode=0666 ssh-add -L | cut -d" " -f3-; stat -c %a /agent\n';
      assert.equal(await build(other, { agents: { deploy: socket } }), 'of the user\n666\n');
      await assert.rejects(build('RUN --mount=type=ssh,required true\n'), /RUN needs the SSH agent 'default'/);
      assert.equal(await build('RUN --mount=type=ssh echo "${SSH_AUTH_SOCK:-none}"\n'), 'none\n');
    } finally {
      agent.kill();
    }
  }),
);

test('an unchanged RUN is not carried out again, a changed one and those behind it are', { skip }, () =>
  withPlace(async ({ build, text }) => {
    const lines = (second: string) =>
      `RUN cat /proc/sys/kernel/random/uuid > /first\nRUN echo ${second} > /second\nRUN cat /proc/uptime /second > /third\n`;
    await build(lines('a'));
    const [first, third] = [await text('first'), await text('third')];
    assert.equal(await build(lines('a')), '');
    assert.equal(await text('first'), first);
    assert.equal(await text('third'), third);
    await build(lines('b'));
    assert.equal(await text('first'), first);
    assert.notEqual(await text('third'), third);
    await build(lines('b'), { noCache: true });
    assert.notEqual(await text('first'), first);
  }),
);

test('a RUN that fails is told with its line, status and last words, and the next build goes on from before it', { skip }, () =>
  withPlace(async ({ build, store }) => {
    const error = await build('RUN echo begun > /begun\nRUN echo why; exit 3\n', { onOutput: undefined }).catch(
      (caught: unknown) => caught,
    );
    assert.ok(error instanceof SealosError && error.exitCode === 1, String(error));
    assert.equal(error.message, 'Kubefile:6: RUN echo why; exit 3 failed: exit status 3\nwhy');
    assert.deepEqual(await store.list(), []);
    assert.equal(await build('RUN echo begun > /begun\nRUN echo fixed\n'), 'fixed\n');
    await assert.rejects(build('RUN ["/absent"]\n'), /Kubefile:5: RUN \["\/absent"\] failed: exit status 127/);
  }),
);

test('variables that would make a program of this machine load something are seen only inside', { skip }, () =>
  withPlace(async ({ build, directory }) => {
    const output = await build(`ENV LD_PRELOAD=${directory}/evil.so GCONV_PATH=/x\nRUN echo $LD_PRELOAD; echo $GCONV_PATH\n`);
    assert.match(output, /evil\.so\n\/x$/m);
    assert.doesNotMatch(output, /cannot be preloaded|ld\.so/);
  }),
);

test('a build for a machine that cannot be run here is refused in RUN', { skip }, () =>
  withPlace(async ({ build }) => {
    const platform = { os: 'linux', architecture: 's390x' };
    await assert.rejects(build('RUN true\n', { platform }), /^SealosError: Kubefile:4: RUN .*: this machine cannot run programs for s390x/);
  }),
);

function startBuild(context: string, storage: string): ChildProcess {
  return spawn(sealos, ['build', '--save-image=false', '-t', 'localhost/x:1', context], {
    env: { ...process.env, SEALOS_STORAGE: storage },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

/** The processes whose root is the image's, told by an environment variable of the Kubefile. */
function runningWith(mark: string): readonly number[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/environ`, 'utf8').includes(mark) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  test(`a build that ${signal} ends during RUN leaves no process, no mount, and after the next build no directory`, { skip }, () =>
    withPlace(async ({ context, directory, build }) => {
      await build('RUN true\n');
      const storage = join(directory, 'store-2');
      const mark = `MARK=${directory}`;
      await writeFile(join(context, 'Kubefile'), `${BASE}ENV ${mark}\nRUN (sleep 1000 &) ; echo hi > /hi; echo at work; sleep 1000\n`);
      const child = startBuild(context, storage);
      const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
      const sleeping = () => runningWith(mark).length >= 2;
      await until('RUN to run', 120_000, async () => (sleeping() ? true : undefined));
      // `./sealos` becomes Node, so that this is the process that builds.
      child.kill(signal);
      assert.notEqual(await ended, 0);
      await until('its processes to end', 60_000, async () => (runningWith(mark).length === 0 ? true : undefined));
      assert.deepEqual(mountsBelow(storage), []);
      if (signal === 'SIGTERM') assert.deepEqual(leasesIn(storage), []);
      await writeFile(join(context, 'Kubefile'), `${BASE}RUN echo fine\n`);
      await run(sealos, ['build', '-q', '--save-image=false', '-t', 'localhost/x:1', context], { SEALOS_STORAGE: storage });
      assert.deepEqual(leasesIn(storage), []);
      assert.deepEqual(mountsBelow(storage), []);
    }),
  );
}
