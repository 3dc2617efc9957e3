// RUN: what it sees, what it leaves, and what is left when it is killed.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { listFiles, openImage, SealosError } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { BASE, REF, skip, withPlace } from '../support/build-place.ts';
import { run } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';
import { until } from '../support/until.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');

before(() => ensureInstalled(['umoci', 'skopeo']));

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
