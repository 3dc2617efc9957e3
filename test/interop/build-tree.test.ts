// What COPY makes is what buildah makes of it: the same file trees, whatever the forms of sources and destinations.
import assert from 'node:assert/strict';
import { chmod, chown, link, lutimes, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { buildImage, openImage, openStore, parseReference, unpackImage } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { withDirectoryInMemory } from '../support/images.ts';
import { generator } from '../support/kubefiles.ts';
import { type Buildah, buildahIn, run } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';

before(() => ensureInstalled(['buildah', 'skopeo', 'umoci']));

const REF = parseReference('localhost/ours:1');
const TIME = 1_500_000_000;

async function makeContext(root: string): Promise<void> {
  const put = async (path: string, text: string, mode = 0o644) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    await chmod(join(root, path), mode);
  };
  await put('a.txt', 'a');
  await put('b.txt', 'b', 0o600);
  await put('run.sh', '#!/bin/sh\n', 0o755);
  await put('setuid', 'x', 0o6755);
  await put('with blank', 'x');
  await put('dir/x', 'x');
  await put('dir/sub/y', 'y', 0o640);
  await put('dir2/x', 'other x');
  await put('dir2/sub/z', 'z');
  await put('.hidden/file', 'h');
  await put('owned', 'o');
  await put('links/file', 'target');
  await put('tree/one/same', '1');
  await put('tree/two/same', '2');
  await mkdir(join(root, 'empty'));
  await chown(join(root, 'owned'), 1234, 5678);
  await chmod(join(root, 'dir'), 0o700);
  await chmod(join(root, 'dir/sub'), 0o2775);
  await link(join(root, 'a.txt'), join(root, 'a-again.txt'));
  await link(join(root, 'dir/x'), join(root, 'dir/sub/x-again'));
  await symlink('file', join(root, 'links/relative'));
  await symlink('/etc/passwd', join(root, 'links/absolute'));
  await symlink('../../../outside', join(root, 'links/outside'));
  await symlink('nothing', join(root, 'links/dangling'));
  await symlink('a.txt', join(root, 'to-file'));
  await symlink('dir', join(root, 'to-dir'));
  await mkdir(join(root, 'place'));
  await symlink('sub', join(root, 'place/alias'));
  await symlink('/dir/sub', join(root, 'place/root-alias'));
  await mkdir(join(root, 'same/alias'), { recursive: true });
  await put('same/alias/inside', 'i');
}

/** Whole seconds: buildah rounds the rest, we leave it off as tar does. */
async function wholeSeconds(root: string): Promise<void> {
  for (const name of ['.', ...(await readdir(root, { recursive: true }))]) await lutimes(join(root, name), TIME, TIME);
}

const COPIES: readonly string[] = [
  'COPY . .',
  'COPY . sub/dir',
  'COPY dir dest',
  'COPY dir dest/',
  'COPY dir/ dest',
  'COPY ./dir/. /',
  'COPY a.txt b',
  'COPY a.txt b/',
  'COPY a.txt ./',
  'COPY a.txt /deep/er/b',
  'COPY a.txt run.sh setuid owned d/',
  'COPY a.txt b.txt d',
  'COPY dir dir2 d',
  'COPY dir a.txt dir2/x d/',
  'COPY *.txt d/',
  'COPY ?.txt d/',
  'COPY [ab].txt d/',
  'COPY [^a]*.txt d/',
  'COPY \\a.txt d/',
  'COPY tree/*/same d/',
  'COPY */x d/',
  'COPY d* d/',
  'COPY .h* d/',
  'COPY ["with blank", "a.txt", "d/"]',
  'COPY empty e',
  'COPY empty e/f/',
  'COPY links l',
  'COPY to-file f',
  'COPY to-file f/',
  'COPY to-dir d',
  'COPY to-dir/x d/',
  'COPY links/relative l/',
  'COPY /a.txt /x',
  'COPY dir/../a.txt y',
  'COPY --chown=7 dir d',
  'COPY --chown=7:8 dir d/e',
  'COPY --chown=7:8 a.txt d/e/',
  'COPY --chmod=600 dir d/e',
  'COPY --chmod=4755 a.txt d',
  'COPY --chmod=0755 --chown=1:1 links l',
  'COPY a.txt x\nCOPY b.txt x',
  'COPY dir x\nCOPY a.txt x',
  'COPY dir x\nCOPY dir2 x',
  'COPY dir2 x\nCOPY dir x',
  'COPY dir d\nCOPY place d\nCOPY a.txt d/alias/',
  'COPY dir d\nCOPY place d\nCOPY a.txt d/alias',
  'COPY dir /dir\nCOPY place d\nCOPY a.txt d/root-alias/new',
  'COPY dir d\nCOPY place d\nCOPY same d',
  'COPY dir d\nCOPY same d\nCOPY place d',
  'COPY a.txt d/alias\nCOPY same d',
  'COPY place /\nCOPY a.txt /root-alias/x',
  'WORKDIR /w\nCOPY a.txt .\nCOPY b.txt ../c\nWORKDIR v\nCOPY dir .',
  'WORKDIR /w\nUSER 5:6\nWORKDIR /w/v/u\nCOPY a.txt .',
  'WORKDIR /w\nCOPY a.txt /w',
  'VOLUME /data\nCOPY a.txt /data/',
  'ENV D=dest S=dir\nCOPY $S/x ${D}/\nARG M=600\nCOPY --chmod=$M a.txt $D/',
];

/** Builds with both programs and compares the trees; the times of directories that are made on the way are each builder's own. */
async function compare(directory: string, buildah: Buildah, context: string, kubefile: string, ignore?: string): Promise<void> {
  await writeFile(join(directory, 'Kubefile'), kubefile);
  if (ignore !== undefined) await writeFile(join(context, '.containerignore'), ignore);
  await wholeSeconds(context);
  const file = join(directory, 'Kubefile');
  await using store = await openStore(join(directory, 'store'));
  const id = await buildah('build', '--isolation', 'chroot', '-q', '-f', file, context).catch(() => undefined);
  const built = await buildImage(store, { context, file, names: ['localhost/ours:1'] }).catch((error: unknown) => error);
  if (id === undefined) {
    assert.ok(built instanceof Error, `buildah refuses it, we do not:\n${kubefile}`);
    return;
  }
  if (built instanceof Error) throw new Error(`${kubefile}: ${built.message}`);
  const container = await buildah('from', '--quiet', '--pull-never', id);
  const unpacked = join(directory, 'unpacked');
  try {
    await unpackImage(store, await openImage(store, REF), unpacked);
    await assertSameTree(unpacked, await buildah('mount', container), { directoryTimes: false }).catch((error: unknown) => {
      throw new Error(`${kubefile}${ignore ?? ''}`, { cause: error });
    });
  } finally {
    await rm(unpacked, { recursive: true, force: true });
    await buildah('rm', container);
    await buildah('rmi', '-f', id);
  }
}

test(`${COPIES.length} forms of COPY make the tree that buildah makes`, () =>
  withDirectoryInMemory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await makeContext(context);
    const buildah = buildahIn(directory);
    for (const copies of COPIES) await compare(directory, buildah, context, `FROM scratch\n${copies}\n`);
  }));

const SOURCES = [
  '.',
  'dir',
  'dir/',
  'dir2',
  'a.txt',
  'b.txt',
  'to-dir',
  'to-file',
  'place',
  'same',
  'links',
  'dir*',
  'tree/*',
  '*/x',
  'empty',
  'dir/sub',
  'run.sh',
  'absent',
];
const DESTINATIONS = [
  '.',
  '/',
  'd',
  'd/',
  'd/e',
  'd/alias',
  'd/alias/',
  'alias',
  'alias/f',
  'root-alias',
  'd/sub',
  'x',
  'd/x',
  'dir',
  'links/absolute',
  'to-file',
  'a.txt',
];

/** Some COPY and WORKDIR instructions that build on one another, the same for the same seed. */
function generatedCopies(seed: number): string {
  const next = generator(seed);
  const pick = (items: readonly string[]) => items[Math.floor(next() * items.length)] ?? '';
  const lines: string[] = [];
  for (let line = 0; line < 4; line++) {
    const sources = next() < 0.8 ? pick(SOURCES) : `${pick(SOURCES)} ${pick(SOURCES)}`;
    const flags = pick(['', '', '', '--chown=3:4 ', '--chmod=750 ']);
    // Of several files of one pattern buildah keeps the last under the name that is not a directory: there we differ on purpose.
    const slash = sources.includes('*') ? '/' : '';
    lines.push(next() < 0.1 ? `WORKDIR ${pick(['/w', 'd', 'alias', '/'])}` : `COPY ${flags}${sources} ${pick(DESTINATIONS)}${slash}`);
  }
  return lines.join('\n');
}

// SEALOS_TEST_SEEDS=N for more of them.
const SEEDS = Number(process.env['SEALOS_TEST_SEEDS'] ?? 15);

test(`${SEEDS} generated series of COPY make the tree that buildah makes, or are refused by both`, () =>
  withDirectoryInMemory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await makeContext(context);
    const buildah = buildahIn(directory);
    for (let seed = 0; seed < SEEDS; seed++) await compare(directory, buildah, context, `FROM scratch\n${generatedCopies(seed)}\n`);
  }));

const IGNORES: readonly string[] = [
  'dir\n',
  '*.txt\n!a.txt\n',
  '# comment\n\n  dir/sub  \n.hidden\n',
  '**/x\n',
  'dir\n!dir/sub/y\n',
  '*\n!tree\n',
  '/a.txt\n/tree/*/same\n',
  'd*\n!dir2/sub\n',
  '**/sub/*\n',
];

test('an ignore file leaves out what buildah leaves out', () =>
  withDirectoryInMemory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await makeContext(context);
    const buildah = buildahIn(directory);
    for (const ignore of IGNORES) {
      await compare(directory, buildah, context, 'FROM scratch\nCOPY . /\n', ignore);
      await compare(directory, buildah, context, 'FROM scratch\nCOPY run.sh dir* tree d/\n', ignore);
    }
  }));

test('on a base image COPY goes through its links and takes owners from its passwd, as buildah does', () =>
  withDirectoryInMemory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await makeContext(context);
    await mkdir(join(context, 'base/etc'), { recursive: true });
    await mkdir(join(context, 'base/usr/bin'), { recursive: true });
    await writeFile(join(context, 'base/etc/passwd'), 'root:x:0:0::/:/bin/sh\napp:x:1000:2000::/:/bin/sh\n');
    await writeFile(join(context, 'base/etc/group'), 'root:x:0:\nteam:x:3000:\n');
    await symlink('usr/bin', join(context, 'base/bin'));
    const buildah = buildahIn(directory);
    await writeFile(join(directory, 'Base'), 'FROM scratch\nCOPY base /\nCOPY dir /opt\n');
    await wholeSeconds(context);
    const args = ['build', '--isolation', 'chroot', '-q', '-f', join(directory, 'Base'), '-t', 'localhost/base:1', context];
    await buildah(...args);
    await using store = await openStore(join(directory, 'store'));
    await buildImage(store, { context, file: join(directory, 'Base'), names: ['localhost/base:1'] });
    for (const copies of [
      'COPY run.sh /bin/',
      'COPY run.sh /bin/run',
      'COPY --chown=app dir /srv',
      'COPY --chown=app:team dir /srv',
      'COPY --chown=1000 dir /srv',
      'COPY --chown=0:team dir /srv',
      'USER app\nWORKDIR /home/app\nCOPY a.txt .',
      'COPY dir2 /opt',
      'COPY a.txt /opt/sub/y',
    ]) {
      await compare(directory, buildah, context, `FROM localhost/base:1\n${copies}\n`);
    }
  }));

test('skopeo and umoci read what is built, and find the tree', () =>
  withDirectoryInMemory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(join(context, 'registry/docker'), { recursive: true });
    await makeContext(context);
    await writeFile(join(context, 'registry/docker/blob'), 'saved');
    await writeFile(join(context, 'Kubefile'), 'FROM scratch\nCOPY . .\nCMD ["x"]\n');
    await using store = await openStore(join(directory, 'store'));
    await buildImage(store, { context, names: ['localhost/ours:1'], compression: 'gzip' });
    const layout = `oci:${join(directory, 'layout')}:ours`;
    await run('skopeo', ['copy', '--quiet', `oci:${store.path}:localhost/ours:1`, layout]);
    await run('umoci', ['unpack', '--image', `${join(directory, 'layout')}:ours`, join(directory, 'bundle')]);
    await unpackImage(store, await openImage(store, REF), join(directory, 'unpacked'));
    await assertSameTree(join(directory, 'bundle', 'rootfs'), join(directory, 'unpacked'));
  }));
