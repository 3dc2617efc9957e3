import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { SealosError } from '../error.ts';
import { listFiles } from '../files.ts';
import { openImage } from '../image.ts';
import { OCI_LAYER, OCI_LAYER_GZIP, OCI_LAYER_ZSTD } from '../media-types.ts';
import { parseReference } from '../reference.ts';
import { openStore, type Store } from '../store.ts';
import { type BuildOptions, buildImage } from './build-image.ts';

const REF = parseReference('localhost/x:1');
const TIME = 1_500_000_000;
let work = '';
let context = '';
let store: Store;

beforeEach(async () => {
  work = await mkdtemp(join(tmpdir(), 'sealos-build-'));
  context = join(work, 'context');
  await mkdir(context);
  store = await openStore(join(work, 'store'));
});

afterEach(async () => {
  await store.close();
  await rm(work, { recursive: true, force: true });
});

async function put(path: string, text: string, root = context): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), text);
  await utimes(join(root, path), TIME, TIME);
}

async function build(kubefile: string, more: Partial<BuildOptions> = {}) {
  await put('Kubefile', kubefile);
  return buildImage(store, { context, names: ['localhost/x:1'], environment: {}, ...more });
}

async function paths(): Promise<readonly string[]> {
  return [...(await listFiles(store, await openImage(store, REF))).keys()];
}

async function snapshot(root: string): Promise<unknown> {
  const files = (await readdir(root, { recursive: true })).filter((name) => !name.startsWith('sealos')).sort();
  return { files, index: await readFile(join(root, 'index.json'), 'utf8') };
}

/** Expects a refusal that changes nothing in the store, and returns its line. */
async function refusal(kubefile: string, more: Partial<BuildOptions> = {}): Promise<string> {
  const before = await snapshot(store.path);
  const error = await build(kubefile, more).catch((caught: unknown) => caught);
  assert.ok(error instanceof SealosError, String(error));
  assert.equal(error.exitCode, 2);
  assert.deepEqual(await snapshot(store.path), before);
  return error.message;
}

test('the same input is the same image, also from another directory and in another store', async () => {
  await put('manifests/a.yaml', 'a');
  await put('registry/docker/blob', 'saved');
  const kubefile = 'FROM scratch\nENV A=1\nCOPY manifests manifests\nCOPY registry registry\nCMD ["x"]\n';
  const first = await build(kubefile);
  const other = join(work, 'elsewhere');
  await put('registry/docker/blob', 'saved', other);
  await utimes(join(other, 'registry/docker/blob'), TIME + 99, TIME + 99);
  await put('manifests/a.yaml', 'a', other);
  await put('Kubefile', kubefile, other);
  await using second = await openStore(join(work, 'store-2'));
  const result = await buildImage(second, { context: other, names: ['localhost/x:1'], environment: {} });
  assert.equal(result.descriptor.digest, first.descriptor.digest);
});

test('SOURCE_DATE_EPOCH is the time of the image and the latest of its files', async () => {
  await put('new', 'x');
  await build('FROM scratch\nCOPY . /d/\n', { environment: { SOURCE_DATE_EPOCH: '1400000000' } });
  const image = await openImage(store, REF);
  assert.equal(image.config.created, '2014-05-13T16:53:20Z');
  for (const file of (await listFiles(store, image)).values()) assert.equal(file.mtime, 1_400_000_000);
});

test('saved images are a layer of their own that is not compressed, the rest is zstd or what is asked for', async () => {
  await put('registry/docker/blob', 'saved');
  await put('app', 'x');
  await build('FROM scratch\nCOPY . .\n');
  const image = await openImage(store, REF);
  assert.deepEqual(
    image.layers.map(({ mediaType }) => mediaType),
    [OCI_LAYER_ZSTD, OCI_LAYER],
  );
  assert.equal(image.config.history?.length, 2);
  assert.deepEqual(await paths(), ['Kubefile', 'app', 'registry', 'registry/docker', 'registry/docker/blob']);
  await build('FROM scratch\nCOPY app app\n', { compression: 'gzip' });
  assert.equal((await openImage(store, REF)).layers[0]?.mediaType, OCI_LAYER_GZIP);
});

test('an image on another keeps its layers and adds its own; the base is pulled when it is not there', async () => {
  await put('a', '1');
  await put('b', '2');
  let pulled = 0;
  const pull = async () => {
    pulled++;
    await buildImage(store, { context, file: join(context, 'Base'), names: ['localhost/base:1'], environment: {} });
  };
  await put('Base', 'FROM scratch\nLABEL sealos.io.type=rootfs\nCOPY a a\n');
  await build('FROM localhost/base:1\nCOPY b b\n', { pull });
  await build('FROM localhost/base:1\nCOPY b b\n', { pull });
  assert.equal(pulled, 1);
  await build('FROM localhost/base:1\nCOPY b b\n', { pull, alwaysPull: true });
  assert.equal(pulled, 2);
  const image = await openImage(store, REF);
  assert.equal(image.layers.length, 2);
  assert.deepEqual(image.config.config?.Labels, { 'sealos.io.type': 'rootfs' });
  assert.equal(image.manifest.annotations?.['org.opencontainers.image.base.name'], 'localhost/base:1');
  assert.deepEqual(await paths(), ['a', 'b']);
});

test('several files of one pattern go into a directory, they do not overwrite one another', async () => {
  await put('a.txt', 'a');
  await put('b.txt', 'b');
  await put('[c].txt', 'c');
  await build('FROM scratch\nCOPY *.txt texts\nCOPY ["[[]c].txt", "one"]\n');
  assert.deepEqual(await paths(), ['one', 'texts', 'texts/[c].txt', 'texts/a.txt', 'texts/b.txt']);
});

test('what COPY cannot copy is refused with its line, and the store stays as it was', async () => {
  await put('there', 'x');
  await symlink('/etc/passwd', join(context, 'absolute'));
  await symlink('../../etc', join(context, 'outside'));
  await symlink('nothing', join(context, 'dangling'));
  await put('.dockerignore', 'left-out\n');
  await put('left-out', 'x');
  assert.equal(await refusal('FROM scratch\nCOPY there /\nCOPY absent /\n'), "Kubefile:3: COPY 'absent' is not in the context");
  assert.equal(await refusal('FROM scratch\nCOPY absent/* /\n'), "Kubefile:2: COPY nothing in the context matches 'absent/*'");
  assert.equal(await refusal('FROM scratch\nCOPY ../x /\n'), "Kubefile:2: COPY '../x' is outside of the context");
  assert.equal(await refusal('FROM scratch\nCOPY a/../../x /\n'), "Kubefile:2: COPY 'a/../../x' is outside of the context");
  assert.equal(await refusal('FROM scratch\nCOPY absolute /\n'), "Kubefile:2: COPY 'absolute' is a link that leads out of the context");
  assert.equal(await refusal('FROM scratch\nCOPY outside/x /\n'), "Kubefile:2: COPY 'outside/x' is a link that leads out of the context");
  assert.equal(await refusal('FROM scratch\nCOPY dangling /\n'), "Kubefile:2: COPY 'dangling' is not in the context");
  assert.equal(await refusal('FROM scratch\nCOPY left-out /\n'), "Kubefile:2: COPY 'left-out' is left out by .dockerignore");
  assert.equal(await refusal('FROM scratch\nCOPY [x /\n'), "Kubefile:2: COPY '[x' is not a pattern that can be matched");
  assert.match(await refusal('FROM scratch\nCOPY there x\nCOPY there x/\n'), /^Kubefile:3: COPY to \/x\/: this is a file in the image/);
  assert.match(await refusal('FROM scratch\nCOPY there x\nCOPY there x/y\n'), /^Kubefile:3: COPY to \/x\/y: \/x is a file in the image/);
  assert.match(await refusal('FROM scratch\nCOPY --chown=app there /\n'), /^Kubefile:2: there is no user 'app' in the image's/);
});

test('links that lead out of the context are copied as links and never followed', async () => {
  await symlink('/etc', join(context, 'absolute'));
  await symlink('../../..', join(context, 'outside'));
  await build('FROM scratch\nCOPY . d/\n');
  const files = await listFiles(store, await openImage(store, REF));
  assert.equal(files.get('d/absolute')?.linkname, '/etc');
  assert.equal(files.get('d/outside')?.type, 'symlink');
  assert.ok(![...files.keys()].some((path) => path.startsWith('d/absolute/')));
});

test('wrong names, files and contexts are refused before anything is done', async () => {
  assert.match(await refusal('FROM scratch\n', { names: ['localhost/X:1'] }), /upper case/);
  assert.match(await refusal('FROM scratch\n', { names: [`x@sha256:${'0'.repeat(64)}`] }), /it has a digest/);
  assert.match(await refusal('FROM scratch\n', { file: 'Absent' }), /no build file Absent/);
  assert.match(await refusal('FROM scratch\n', { context: join(work, 'absent') }), /there is no directory/);
  assert.match(await refusal('FROM scratch\n', { context: join(context, 'Kubefile') }), /is not a directory/);
  assert.match(await refusal('FROM localhost/absent:1\n'), /^Kubefile:1: FROM localhost\/absent:1: there is no image localhost\/absent:1/);
  assert.match(await refusal('FROM Upper\n'), /^Kubefile:1: FROM Upper: .* upper case/);
  await rm(join(context, 'Kubefile'));
  const error = await buildImage(store, { context }).catch((caught: unknown) => caught);
  assert.match(String(error), /there is no Kubefile in /);
});

test('the build file is found as Kubefile, then Dockerfile, then Sealfile, then Containerfile, and only one is taken', async () => {
  for (const name of ['Containerfile', 'Sealfile', 'Dockerfile', 'Kubefile']) {
    await put(name, `FROM scratch\nLABEL from=${name}\n`);
    await buildImage(store, { context, names: ['localhost/x:1'], environment: {} });
    assert.deepEqual((await openImage(store, REF)).config.config?.Labels, { from: name });
  }
});

test('an image without files has one empty layer, which other tools need', async () => {
  await build('FROM scratch\nCMD ["x"]\n');
  const image = await openImage(store, REF);
  assert.equal(image.layers.length, 1);
  assert.equal(image.config.architecture, { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? image.config.architecture);
  await build('FROM scratch\n', { platform: { os: 'linux', architecture: 'arm64' } });
  assert.equal((await openImage(store, REF)).config.architecture, 'arm64');
});

test('a build that is interrupted leaves nothing behind', async () => {
  await put('big', 'x'.repeat(5_000_000));
  const before = await snapshot(store.path);
  const controller = new AbortController();
  const onEvent = () => controller.abort();
  await assert.rejects(build('FROM scratch\nCOPY big /\n', { signal: controller.signal, onEvent }));
  assert.deepEqual(await snapshot(store.path), before);
  const leases = join(store.path, 'sealos', 'leases');
  for (const lease of await readdir(leases)) assert.deepEqual(await readdir(join(leases, lease)), ['owner.json']);
});

test('a file that cannot be read is named', { skip: process.getuid?.() === 0 && 'root reads everything' }, async () => {
  await put('secret', 'x');
  await chmod(join(context, 'secret'), 0);
  await assert.rejects(build('FROM scratch\nCOPY secret /\n'), /secret/);
});

test('a full disk is said in one line and leaves the store as it was', {
  skip: process.getuid?.() !== 0 && 'only root can mount',
}, async (t) => {
  const small = join(work, 'small');
  await mkdir(small);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', small], { stdio: 'ignore' });
  } catch {
    t.skip('tmpfs cannot be mounted here');
    return;
  }
  try {
    await using full = await openStore(join(small, 'store'));
    await full.lease();
    const before = await snapshot(full.path);
    await put('big', Array.from({ length: 400_000 }, (_, index) => (index * 7919) % 1_000_003).join());
    await put('Kubefile', 'FROM scratch\nCOPY big /\n');
    const attempt = buildImage(full, { context, names: ['localhost/x:1'], compression: 'none' });
    await assert.rejects(attempt, { code: 'disk-full', message: /^cannot write .*: the disk is full$/ });
    assert.deepEqual(await snapshot(full.path), before);
  } finally {
    execFileSync('umount', [small]);
  }
});
