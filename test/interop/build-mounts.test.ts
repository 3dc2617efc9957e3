// What a RUN has mounted: RUN --mount, volumes and SSH agents of the build.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { listFiles, openImage } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { BASE, REF, skip, withPlace } from '../support/build-place.ts';
import { run } from '../support/programs.ts';
import { until } from '../support/until.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');

before(() => ensureInstalled(['openssh-client']));

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
