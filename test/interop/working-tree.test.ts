// create, from, mount, umount, containers and rm: images as directories, with buildah's words and its tree.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import {
  checkStore,
  listTrees,
  makeTree,
  mountTree,
  openImage,
  openStore,
  parseReference,
  removeTree,
  SealosError,
  unmountTree,
} from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { directory, file, makeImage, symlink, variedEntries, withDirectory } from '../support/images.ts';
import { buildahIn } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
// buildah takes paths for image names: no upper case.
const work = join(tmpdir(), `sealos-tree-${randomBytes(6).toString('hex')}`);
const env = { ...process.env, SEALOS_STORAGE: join(work, 'store'), HOME: work };

function call(...args: readonly string[]) {
  const result = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: work, input: '' });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

function good(...args: readonly string[]): string {
  const { status, stdout, stderr } = call(...args);
  assert.equal(status, 0, `sealos ${args.join(' ')}: ${stderr}`);
  return stdout.trim();
}

function program(command: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
}

before(async () => {
  mkdirSync(work);
  ensureInstalled(['buildah', 'skopeo', 'umoci']);
  await using store = await openStore(env.SEALOS_STORAGE);
  await makeImage(store, {
    name: 'localhost/team/app:1',
    layers: [
      [...variedEntries(), file('gone', 'x')],
      [
        file('.wh.gone'),
        directory('scripts'),
        file('scripts/greet.sh.tmpl', 'echo {{ .who | upper }} {{ .own }}\n'),
        directory('manifests'),
        file('manifests/plain.yaml', '{{ not a template }}'),
        // Where a rendered file goes the image has a link that leads out.
        symlink('etc/out', work),
        file('etc/conf.tmpl', 'password={{ .registryPassword }}\n'),
        symlink('etc/conf', join(work, 'victim')),
      ],
    ],
    config: { Env: ['PATH=/bin', 'own=image', 'who=nobody'] },
  });
});

after(() => rmSync(work, { recursive: true, force: true }));

test('create prints a directory with the tree that buildah mounts; with -e its templates are rendered, inside it', async () => {
  const root = good('create', '--short', 'localhost/team/app:1');
  const buildah = buildahIn(work);
  const container = await buildah('from', '--quiet', `oci:${env.SEALOS_STORAGE}:localhost/team/app:1`);
  await assertSameTree(root, await buildah('mount', container), { directoryTimes: false });
  // Programs with setuid bits are nobody else's to run.
  assert.equal(statSync(dirname(dirname(root))).mode & 0o777, 0o700);

  const shown = good('create', '-c', 'mine', '-e', 'who=world', '-e', 'registryPassword=for-this-test', 'localhost/team/app:1');
  const [, rendered = '', name = ''] = /^mount point: (\S+)\n.*\n.*sealos rm (mine-[0-9a-f]{8})$/.exec(shown) ?? [];
  assert.equal(readFileSync(join(rendered, 'scripts/greet.sh'), 'utf8'), 'echo WORLD image\n');
  assert.equal(statSync(join(rendered, 'scripts/greet.sh')).mode & 0o777, 0o755);
  assert.equal(readFileSync(join(rendered, 'etc/conf'), 'utf8'), 'password=for-this-test\n');
  assert.equal(statSync(join(rendered, 'etc/conf')).mode & 0o077, 0, 'a password is for its owner');
  assert.equal(existsSync(join(work, 'victim')), false);
  assert.equal(existsSync(join(rendered, 'manifests/plain')), false);

  good('rm', name);
  assert.equal(existsSync(rendered), false);
  good('rm', '--all');
  assert.deepEqual(readdirSync(dirname(dirname(root))), []);
});

test('the commands of a published pipeline that keeps one store for both programs: from, mount, containers, umount --all, rm --all', () => {
  const first = good('from', 'localhost/team/app:1');
  assert.equal(first, 'app-working-container');
  assert.equal(good('from', '--pull-never', 'localhost/team/app:1'), 'app-working-container-1');
  const mounted = good('mount', first);
  assert.ok(existsSync(join(mounted, 'bin/run')));
  const [one] = JSON.parse(good('mount', '--json'));
  assert.deepEqual(one, { container: first, mountPoint: mounted });
  assert.equal(good('unshare', '-m', `ROOT=${first}`, 'sh', '-c', 'echo "$ROOT"'), mounted);
  const table = good('ps');
  assert.match(
    table,
    /^CONTAINER ID +BUILDER +IMAGE ID +IMAGE NAME +CONTAINER NAME\n[0-9a-f]{12} +\* +[0-9a-f]{12} +localhost\/team\/app:1 +app-working-container\n/,
  );
  assert.deepEqual(
    JSON.parse(good('containers', '--json')).map(({ containername, imagename }: Record<string, string>) => [containername, imagename]),
    [first, `${first}-1`].map((name) => [name, 'localhost/team/app:1']),
  );
  const ids = good('containers', '-q').split('\n');
  assert.deepEqual(good('umount', '--all').split('\n'), ids);
  assert.equal(existsSync(mounted), false);
  assert.deepEqual(good('rm', '--all').split('\n'), ids);
  assert.equal(good('containers', '-n'), '');

  for (const args of [['rm', 'absent'], ['umount'], ['mount', 'absent'], ['from', '--name', '../x', 'localhost/team/app:1']]) {
    const { status, stderr } = call(...args);
    assert.equal(status, 2, `${args.join(' ')}: ${stderr}`);
  }
  assert.deepEqual(call('unshare', 'sh', '-c', 'echo as it is; exit 7'), { status: 7, stdout: 'as it is\n', stderr: '' });
});

test('what was changed in a container is found, and becomes a patch image that umoci unpacks', () => {
  const [one, other] = [good('from', '--name', 'one', 'localhost/team/app:1'), good('from', '--name', 'other', 'localhost/team/app:1')];
  assert.equal(good('diff', '--diff-type', 'container', '-q', one, other), '');
  const root = good('mount', other);
  writeFileSync(join(root, 'etc/new.conf'), 'new\n', { mode: 0o640 });
  chmodSync(join(root, 'scripts/greet.sh.tmpl'), 0o755);
  rmSync(join(root, 'manifests'), { recursive: true });
  assert.deepEqual(good('diff', '--diff-type', 'container', '-q', one, other).split('\n'), [
    '/etc/new.conf',
    '/manifests',
    '/manifests/plain.yaml',
    '/scripts/greet.sh.tmpl',
  ]);
  const { added, changed } = JSON.parse(good('diff', '--diff-type', 'all', '-o', 'json', 'localhost/team/app:1', other));
  assert.deepEqual(
    [...added, ...changed].map(({ path, differs }: Record<string, unknown>) => [path, differs]),
    [
      ['etc/new.conf', undefined],
      ['scripts/greet.sh.tmpl', ['mode']],
    ],
  );
  good('diff', '--diff-type', 'all', '--patch', '-t', 'localhost/team/patch:1', 'localhost/team/app:1', other);
  const layout = join(work, 'layout');
  // umoci knows no zstd.
  good('save', '-q', '--uncompressed', '-o', join(work, 'patch.tar'), 'localhost/team/patch:1');
  program('skopeo', 'copy', '-q', `oci-archive:${join(work, 'patch.tar')}`, `oci:${layout}:patch`);
  program('umoci', 'unpack', '--image', `${layout}:patch`, join(work, 'bundle'));
  const unpacked = join(work, 'bundle/rootfs');
  assert.equal(readFileSync(join(unpacked, 'etc/new.conf'), 'utf8'), 'new\n');
  assert.deepEqual(readdirSync(unpacked, { recursive: true }).sort(), ['etc', 'etc/new.conf', 'scripts', 'scripts/greet.sh.tmpl']);
  assert.equal(call('diff', '--diff-type', 'container', one, 'absent').status, 2);
  good('rm', one, other);
});

test('a tree is unmounted and mounted again, unless its name means another image by then; two of one name there are not', () =>
  withDirectory(async (directory) => {
    await using store = await openStore(join(directory, 'store'));
    const [reference, image] = [parseReference('localhost/x:1'), { name: 'localhost/x:1', layers: [[file('a', 'a')]] }];
    await makeImage(store, image);
    const tree = await makeTree(store, await openImage(store, reference), { name: 'tree' });
    await assert.rejects(
      makeTree(store, await openImage(store, reference), { name: 'tree' }),
      (error) => error instanceof SealosError && error.code === 'name-in-use',
    );
    await unmountTree(store, 'tree');
    assert.equal(existsSync(tree.root), false);
    assert.deepEqual(
      (await listTrees(store)).map(({ name, isMounted }) => [name, isMounted]),
      [['tree', false]],
    );
    await mountTree(store, 'tree');
    assert.equal(readFileSync(join(tree.root, 'a'), 'utf8'), 'a');
    await unmountTree(store, tree.id);
    await makeImage(store, { ...image, layers: [[file('a', 'b')]] });
    await assert.rejects(mountTree(store, 'tree'), (error) => error instanceof SealosError && error.code === 'image-changed');
    assert.deepEqual((await checkStore(store.path)).faults, []);
    await removeTree(store, 'tree');
    assert.deepEqual(await listTrees(store), []);
    // Names are given one at a time.
    const made = await Promise.all([1, 2, 3].map(async () => makeTree(store, await openImage(store, reference))));
    assert.deepEqual(made.map(({ name }) => name).sort(), ['x-working-container', 'x-working-container-1', 'x-working-container-2']);
  }));

test('one that is killed while it unpacks leaves no tree, and the next command removes what it left', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'store');
    {
      await using store = await openStore(path);
      const many = Array.from({ length: 8000 }, (_, index) => file(`many/${index}`, 'x'));
      await makeImage(store, { name: 'localhost/many:1', layers: [many] });
    }
    const child = spawn(sealos, ['create', 'localhost/many:1'], { env: { ...env, SEALOS_STORAGE: path }, stdio: 'ignore' });
    const leases = join(path, 'sealos', 'leases');
    const staged = () =>
      readdirSync(leases).flatMap((lease) =>
        readdirSync(join(leases, lease))
          .filter((name) => name.startsWith('tree-'))
          .map((name) => join(leases, lease, name, 'root', 'many')),
      );
    while (!(existsSync(leases) && staged().some((many) => existsSync(many)))) {
      assert.equal(child.exitCode, null, 'it unpacks');
      await pause(5);
    }
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    assert.equal(staged().length, 1);
    await using store = await openStore(path);
    assert.deepEqual(await listTrees(store), []);
    await store.lease();
    assert.deepEqual(staged(), []);
  }));
