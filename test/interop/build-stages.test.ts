// Stages, ADD, here-documents, the layer cache, squashing, formats and several platforms: what buildah 1.28 does not know, or a property of ours.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import {
  addToIndex,
  type BuildOptions,
  buildImage,
  DOCKER_LAYER_GZIP,
  DOCKER_MANIFEST,
  type Image,
  listFiles,
  openImage,
  openStore,
  parsePlatform,
  parseReference,
  readFiles,
  SealosError,
  type Store,
  type TransferEvent,
  unpackImage,
} from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';

before(() => ensureInstalled(['skopeo', 'umoci']));

const REF = parseReference('localhost/x:1');
const TIME = 1_500_000_000;

interface Place {
  readonly store: Store;
  readonly context: string;
  readonly directory: string;
  put(path: string, text: string, mode?: number): Promise<void>;
  build(kubefile: string, more?: Partial<BuildOptions>): Promise<Image>;
  /** All regular files with their texts. */
  texts(): Promise<Readonly<Record<string, string>>>;
  refusal(kubefile: string, more?: Partial<BuildOptions>): Promise<string>;
  /** What the last build wrote and what it took over, by title. */
  readonly events: TransferEvent[];
}

async function withPlace(work: (place: Place) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await using store = await openStore(join(directory, 'store'));
    const events: TransferEvent[] = [];
    const build: Place['build'] = async (kubefile, more = {}) => {
      events.length = 0;
      await writeFile(join(directory, 'Kubefile'), kubefile);
      const onEvent = (event: TransferEvent) => events.push(event);
      await buildImage(store, { context, file: join(directory, 'Kubefile'), names: ['localhost/x:1'], environment: {}, onEvent, ...more });
      return openImage(store, REF, { platform: more.platform });
    };
    await work({
      store,
      context,
      directory,
      events,
      build,
      async put(path, text, mode = 0o644) {
        await mkdir(dirname(join(context, path)), { recursive: true });
        await writeFile(join(context, path), text);
        await chmod(join(context, path), mode);
        await utimes(join(context, path), TIME, TIME);
      },
      async texts() {
        const files = await readFiles(store, await openImage(store, REF), () => true);
        return Object.fromEntries([...files].map(([path, bytes]) => [path, bytes.toString()]));
      },
      async refusal(kubefile, more) {
        const error = await build(kubefile, more).catch((caught: unknown) => caught);
        assert.ok(error instanceof SealosError && error.exitCode === 2, String(error));
        return error.message.replace(`${directory}/`, '');
      },
    });
  });
}

const written = (events: readonly TransferEvent[]) => events.flatMap((event) => (event.kind === 'start' ? [event.title] : []));

test('a stage takes files from stages before it, by name in any case or by number, and only what is needed is built', () =>
  withPlace(async ({ put, build, texts, events, refusal }) => {
    await put('a', 'a');
    await put('b', 'b');
    const kubefile = [
      'ARG FIRST=one',
      'FROM scratch AS One',
      'COPY a /in/one',
      'FROM scratch AS unneeded',
      'COPY absent /',
      'FROM scratch AS two',
      'COPY b /in/two',
      'ENV E=two',
      'FROM two AS three',
      'ARG FIRST',
      'COPY --from=$FIRST /in/one /from/',
      'COPY --from=0 /in/one /number',
      'LABEL e=$E',
      'FROM scratch',
      'COPY a /last',
      '',
    ].join('\n');
    const image = await build(kubefile, { target: 'THREE' });
    assert.deepEqual(await texts(), { 'from/one': 'a', 'in/two': 'b', number: 'a' });
    assert.deepEqual(image.config.config?.Labels, { e: 'two' });
    assert.equal(image.layers.length, 3);
    assert.equal(image.config.history?.length, 6);
    assert.ok(!written(events).some((title) => title.includes('absent')));
    await build(kubefile);
    assert.deepEqual(await texts(), { last: 'a' });
    await build(kubefile, { target: '2' });
    assert.deepEqual(await texts(), { 'in/two': 'b' });
    assert.equal(await refusal(kubefile, { target: 'nine' }), "Kubefile has no stage 'nine'".replace('Kubefile', 'Kubefile'));
    assert.match(
      await refusal('FROM scratch\nCOPY --from=later x /\nFROM scratch AS later\n', { target: '0' }),
      /^Kubefile:2: there is no stage 'later' before this one/,
    );
    assert.match(await refusal('FROM scratch\nCOPY --from=3 x /\n'), /^Kubefile:2: there is no stage '3' before this one/);
    assert.match(await refusal('FROM scratch AS a\nFROM scratch\nCOPY --from=a x /\n'), /^Kubefile:3: COPY 'x' is not in a$/);
    assert.match(
      await refusal('FROM scratch\nCOPY --from=localhost/absent:1 x /\n'),
      /^Kubefile:2: --from=localhost\/absent:1: there is no image/,
    );
  }));

test('files from a stage or an image keep owners and modes, and links in it never lead to this machine', () =>
  withPlace(async ({ put, build, context, store, refusal }) => {
    await put('tree/file', 'x', 0o4755);
    await put('etc/passwd', 'the one in the image');
    await symlink('/etc', join(context, 'tree/absolute'));
    await symlink('../../../../etc/passwd', join(context, 'tree/outside'));
    await build('FROM scratch\nCOPY --chown=3:4 --chmod=4755 tree /tree\nCOPY etc /etc\n', { names: ['localhost/base:1'] }).catch(() => {});
    await build(
      'FROM scratch\nCOPY --from=localhost/base:1 /tree/file /copied\nCOPY --from=localhost/base:1 /tree/absolute/passwd /tree/outside /d/\n',
    );
    const files = await listFiles(store, await openImage(store, REF));
    assert.deepEqual([...files.keys()], ['copied', 'd', 'd/outside', 'd/passwd']);
    const { mode, uid, gid } = files.get('copied') ?? {};
    assert.deepEqual({ mode, uid, gid }, { mode: 0o4755, uid: 3, gid: 4 });
    const texts = await readFiles(store, await openImage(store, REF), ({ path }) => path.startsWith('d/'));
    for (const text of texts.values()) assert.equal(text.toString(), 'the one in the image');
    assert.match(await refusal('FROM scratch\nCOPY tree/absolute/passwd /\n'), /leads out of the context/);
  }));

test('ADD unpacks archives where buildah would, refuses git, and copies what is no archive', () =>
  withPlace(async ({ put, build, texts, context, refusal, store, directory }) => {
    await put('in/f', 'f');
    await put('in/link-to', 'x');
    await put('compressed', 'no archive');
    spawnSync('tar', ['-C', join(context, 'in'), '-czf', join(context, 'a.tgz'), '.']);
    spawnSync('gzip', ['-k', join(context, 'compressed')]);
    await build('FROM scratch\nADD a.tgz compressed /d\nADD compressed.gz in /e/\nADD --chown=5:6 a.tgz /owned/\n');
    const found = await texts();
    assert.deepEqual(Object.keys(found), [
      'd/compressed',
      'd/f',
      'd/link-to',
      'e/compressed.gz',
      'e/f',
      'e/link-to',
      'owned/f',
      'owned/link-to',
    ]);
    const files = await listFiles(store, await openImage(store, REF));
    assert.equal(files.get('owned/f')?.uid, 5);
    assert.match(
      await refusal('FROM scratch\nADD https://example.org/x.git /\n'),
      /^Kubefile:2: ADD .*: git repositories are not fetched$/,
    );
    assert.match(await refusal('FROM scratch\nADD --checksum=sha256:1 a.tgz /\n'), /--checksum is for exactly one URL/);
    spawnSync('tar', ['-C', directory, '-P', '-cf', join(context, 'evil.tar'), '--transform', 's,^,../../,', 'Kubefile']);
    assert.match(await refusal('FROM scratch\nADD evil.tar /d/\n'), /leads out of its place/);
  }));

test('here-documents are files; quoted ones are taken as they are', () =>
  withPlace(async ({ build, texts }) => {
    await build(
      'FROM scratch\nENV A=1\nCOPY <<one <<-"two" /d/\n$A ${B:-none} "q" \\$A\n# kept\none\n\t$A\n\t\ttabs\n\ttwo\nCOPY --chmod=755 <<EOF /script\n#!/bin/sh\nEOF\nADD <<x /y\nx\n',
    );
    assert.deepEqual(await texts(), { 'd/one': '1 none "q" $A\n# kept\n', 'd/two': '$A\ntabs\n', script: '#!/bin/sh\n', y: '' });
  }));

test('--parents keeps directories, --exclude leaves out, --link looks at nothing that is there', () =>
  withPlace(async ({ put, build, texts, store, context }) => {
    for (const path of ['x/a.txt', 'x/b.log', 'y/a.txt', 'z/sub/c.txt', 'z/sub/d.log']) await put(path, path);
    await symlink('elsewhere', join(context, 'alias'));
    await build(
      'FROM scratch\nCOPY --parents x/a.txt y/a.txt /p/\nCOPY --parents ./z/./sub /q/\nCOPY --exclude=*.log x /r\nCOPY --exclude=**/*.log . /s/\n',
    );
    assert.deepEqual(
      Object.keys(await texts()).filter((path) => !path.includes('alias')),
      ['p/x/a.txt', 'p/y/a.txt', 'q/sub/c.txt', 'q/sub/d.log', 'r/a.txt', 's/x/a.txt', 's/y/a.txt', 's/z/sub/c.txt'],
    );
    await put('only/link/keep', '');
    await symlink('elsewhere', join(context, 'only/alias'));
    const image = await build('FROM scratch\nCOPY only /\nCOPY --link x/a.txt /alias/\n');
    assert.equal((await listFiles(store, image)).get('alias/a.txt')?.type, 'file');
  }));

test('ONBUILD of a base is carried out in what is built on it, once', () =>
  withPlace(async ({ put, build, texts, store }) => {
    await put('a', 'a');
    await build('FROM scratch\nONBUILD ARG V=x\nONBUILD ENV FROM_BASE=$V\nONBUILD COPY a /onbuild/\nONBUILD COPY <<E /doc\n$V\nE\n');
    await store.tag(parseReference('localhost/base:1'), (await openImage(store, REF)).descriptor);
    const child = await build('FROM localhost/base:1\nENV SEEN=$FROM_BASE\n', { buildArgs: { V: 'given' } });
    assert.deepEqual(child.config.config?.Env?.slice(1), ['FROM_BASE=given', 'SEEN=given']);
    assert.deepEqual(await texts(), { doc: 'given\n', 'onbuild/a': 'a' });
    assert.equal('OnBuild' in (child.config.config ?? {}), false);
  }));

test('an unchanged build writes nothing; a changed file makes its own layer new and no other', () =>
  withPlace(async ({ put, build, events, context, store }) => {
    for (const name of ['big', 'small', 'late']) await put(name, name);
    const kubefile = 'FROM scratch\nCOPY big /big\nENV A=1\nCOPY small /small\nCOPY late /late\n';
    const first = await build(kubefile);
    assert.equal(written(events).length, 3);
    const again = await buildImage(store, { context, file: join(context, '../Kubefile'), environment: {} });
    assert.deepEqual([again.isUnchanged, again.descriptor.digest], [true, first.descriptor.digest]);
    await put('small', 'other'); // the same size, the same time
    const second = await build(kubefile);
    assert.deepEqual(written(events), ['COPY small /small']);
    assert.deepEqual([second.layers[0], second.layers[2]], [first.layers[0], first.layers[2]]);
    assert.notDeepEqual(second.layers[1], first.layers[1]);
    await build(kubefile.replace('A=1', 'A=2'));
    assert.deepEqual(written(events), [], 'a variable touches no files');
    await build(kubefile, { noCache: true });
    assert.equal(written(events).length, 3);
    await rm(join(context, 'big'));
    await put('big', 'big');
    assert.equal((await build(kubefile)).layers[0]?.digest, first.layers[0]?.digest, 'the same file made anew is the same layer');
    await store.remove(REF);
    await store.collectGarbage();
    const after = await build(kubefile);
    assert.equal(after.layers.length, 3);
    await unpackImage(store, after, join(context, '../unpacked'));
  }));

test('big files beside others are layers of their own, so that a small change does not make them anew', () =>
  withPlace(async ({ put, build, events, context, store, directory }) => {
    const big = ['bin/one', 'bin/two'];
    for (const path of [...big, 'bin/small']) await put(path, path);
    for (const path of big) await truncate(join(context, path), 17 * 1024 * 1024);
    for (const path of big) await utimes(join(context, path), TIME, TIME);
    const kubefile = 'FROM scratch\nCOPY . /new/place\n';
    const first = await build(kubefile);
    assert.equal(first.layers.length, 3);
    await put('bin/small', 'changed');
    const second = await build(kubefile);
    assert.deepEqual(written(events), ['COPY . /new/place']);
    assert.deepEqual(second.layers.slice(1), first.layers.slice(1));
    assert.notEqual(second.layers[0]?.digest, first.layers[0]?.digest);
    await unpackImage(store, second, join(directory, 'unpacked'));
    await run('chown', ['-R', '0:0', context]);
    await assertSameTree(join(directory, 'unpacked/new/place'), context, { directoryTimes: false });
    assert.equal((await build('FROM scratch\nCOPY bin/one /\n')).layers.length, 1, 'nothing is beside it');
  }));

test('a squashed image has the same files in one layer, and its base stays', () =>
  withPlace(async ({ put, build, store, directory, context }) => {
    for (const path of ['a/x', 'a/y', 'b/x', 'c']) await put(path, path);
    spawnSync('ln', [join(context, 'a/x'), join(context, 'a/z')]);
    const base = await build('FROM scratch\nCOPY c /base\n');
    await store.tag(parseReference('localhost/base:1'), base.descriptor);
    const kubefile = 'FROM localhost/base:1\nCOPY a /d\nCOPY b /d\nCOPY c /d/new/\nCOPY c /base\n';
    await unpackImage(store, await build(kubefile), join(directory, 'layered'));
    const squashed = await build(kubefile, { squash: true, compression: 'gzip' });
    assert.equal(squashed.layers.length, 2);
    assert.equal(squashed.config.history?.filter(({ empty_layer }) => empty_layer !== true).length, 2);
    await unpackImage(store, squashed, join(directory, 'squashed'));
    await assertSameTree(join(directory, 'squashed'), join(directory, 'layered'), { directoryTimes: false });
  }));

test("Docker's format, several platforms and annotations are read by skopeo", () =>
  withPlace(async ({ put, build, store, directory, refusal }) => {
    await put('a', 'a');
    const kubefile = 'FROM scratch\nCOPY a /a\nHEALTHCHECK CMD true\nARG TARGETARCH\nENV ARCH=$TARGETARCH\n';
    const docker = await build(kubefile, { format: 'docker' });
    assert.equal(docker.manifest.mediaType, DOCKER_MANIFEST);
    assert.equal(docker.layers[0]?.mediaType, DOCKER_LAYER_GZIP);
    // As skopeo's own directories are: a manifest, and each content under the hex of its digest.
    const dir = join(directory, 'docker');
    await mkdir(dir);
    await copyFile(store.blobPath(docker.descriptor.digest), join(dir, 'manifest.json'));
    for (const { digest } of [docker.manifest.config, ...docker.layers])
      await copyFile(store.blobPath(digest), join(dir, digest.slice('sha256:'.length)));
    await run('skopeo', ['copy', '--quiet', `dir:${dir}`, `docker-archive:${join(directory, 'docker.tar')}:x:1`]);
    assert.match(await refusal(kubefile, { format: 'docker', compression: 'zstd' }), /no zstd layers/);
    const annotated = await build(kubefile, { annotations: { 'org.example.note': 'x' } });
    assert.deepEqual(annotated.manifest.annotations, { 'org.example.note': 'x' });
    const members = [];
    for (const text of ['linux/amd64', 'linux/arm64']) {
      const platform = parsePlatform(text);
      const image = await build(kubefile, { platform, names: ['localhost/x:1'] });
      assert.ok(image.config.config?.Env?.includes(`ARCH=${platform.architecture}`));
      members.push({ descriptor: image.descriptor, platform });
    }
    const name = parseReference('localhost/many:1');
    await addToIndex(store, name, members.slice(0, 1));
    await addToIndex(store, name, members);
    const raw = JSON.parse(await run('skopeo', ['inspect', '--raw', `oci:${store.path}:localhost/many:1`]));
    assert.deepEqual(
      raw.manifests.map(({ platform }: { platform: { architecture: string } }) => platform.architecture),
      ['amd64', 'arm64'],
    );
    await run('skopeo', ['copy', '--quiet', '--all', `oci:${store.path}:localhost/many:1`, `oci:${join(directory, 'layout')}:m`]);
    await assert.rejects(addToIndex(store, REF, members), { code: 'not-an-index', exitCode: 2 });
  }));
