import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { directory, file, hardlink, makeImage, symlink, variedEntries, withDirectory } from '../../../test/support/images.ts';
import { type LoadOptions, loadArchive } from './archive.ts';
import { type SaveOptions, saveArchive } from './archive-save.ts';
import { openArchive } from './archive-source.ts';
import { copyImage } from './copy.ts';
import { digestOf, hexOf } from './digest.ts';
import { readFiles } from './files.ts';
import { openImage } from './image.ts';
import { formatReference, parseReference, type Reference } from './reference.ts';
import { openStore, type Store } from './store.ts';
import type { TarEntry } from './tar.ts';
import { writeTar } from './tar-write.ts';

const REF = parseReference('localhost/test:1');
const OTHER = parseReference('example.org/other:2');

/** A store with two images, one of them with two names. */
async function filledStore(path: string): Promise<Store> {
  const store = await openStore(path);
  const manifest = await makeImage(store, { layers: [variedEntries(), [file('top', 'x')]] });
  await store.tag(parseReference('localhost/test:again'), manifest);
  await makeImage(store, { name: formatReference(OTHER), layers: [variedEntries(), [file('else', 'y')]], compression: 'gzip' });
  return store;
}

async function archiveOf(store: Store, references: readonly Reference[], options: SaveOptions = {}): Promise<Buffer> {
  const output = new PassThrough();
  const collected = buffer(output);
  await saveArchive(store, references, output, options);
  output.end();
  return collected;
}

async function contentsOf(store: Store, reference: Reference): Promise<readonly (readonly [string, string])[]> {
  const files = await readFiles(store, await openImage(store, reference), () => true);
  return [...files].map(([path, content]) => [path, digestOf(content)]);
}

/** Every file of a store, to prove that nothing changed it. */
async function filesIn(path: string): Promise<readonly string[]> {
  const names = (await readdir(path, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  return [...names.map((entry) => join(entry.parentPath, entry.name)), await readFile(join(path, 'index.json'), 'utf8')].sort();
}

/** Loads bytes into a new store as from a pipe. */
function loading<T>(bytes: Buffer, work: (store: Store, images: readonly string[]) => Promise<T>, options: LoadOptions = {}): Promise<T> {
  return withDirectory(async (path) => {
    await using store = await openStore(path);
    const images = await loadArchive(store, '-', {
      stdin: Readable.from([bytes.subarray(0, 3), bytes.subarray(3)], { objectMode: false }),
      ...options,
    });
    return work(
      store,
      images.map(({ reference }) => formatReference(reference)),
    );
  });
}

test('an oci-archive brings the same images to another store, digests unchanged', () =>
  withDirectory(async (path) => {
    await using store = await filledStore(path);
    const references = [REF, OTHER, parseReference('localhost/test:again')];
    const plain = await archiveOf(store, references);
    for (const bytes of [plain, gzipSync(plain), zstdCompressSync(plain)]) {
      await loading(bytes, async (loaded, names) => {
        assert.deepEqual(names, references.map(formatReference));
        for (const reference of references) {
          assert.deepEqual(await loaded.resolve(reference), await store.resolve(reference));
          assert.deepEqual(await contentsOf(loaded, reference), await contentsOf(store, reference));
        }
      });
    }
  }));

test('a docker-archive brings the same files and the same configs', () =>
  withDirectory(async (path) => {
    await using store = await filledStore(path);
    const bytes = await archiveOf(store, [REF, OTHER, parseReference('localhost/test:again')], { format: 'docker-archive' });
    await loading(bytes, async (loaded, names) => {
      assert.deepEqual(names, ['localhost/test:1', 'localhost/test:again', 'example.org/other:2']);
      for (const reference of [REF, OTHER]) {
        assert.deepEqual((await openImage(loaded, reference)).config, (await openImage(store, reference)).config);
        assert.deepEqual(await contentsOf(loaded, reference), await contentsOf(store, reference));
      }
      // Compressed by the same writer on the way in: even the digests are the same again.
      assert.deepEqual(await loaded.resolve(REF), await store.resolve(REF));
    });
  }));

test('saving twice gives the same bytes, to a file or to a pipe', () =>
  withDirectory(async (path) => {
    await using store = await filledStore(join(path, 'store'));
    for (const format of ['oci-archive', 'docker-archive'] as const) {
      const bytes = await archiveOf(store, [REF, OTHER], { format });
      assert.ok(bytes.equals(await archiveOf(store, [REF, OTHER], { format })));
      await saveArchive(store, [REF, OTHER], join(path, 'out.tar'), { format });
      assert.ok(bytes.equals(await readFile(join(path, 'out.tar'))));
      assert.deepEqual(await readdir(path), ['out.tar', 'store']);
    }
  }));

test('saving what is not there, or to where nothing can be, leaves no file', () =>
  withDirectory(async (path) => {
    await using store = await filledStore(join(path, 'store'));
    await assert.rejects(saveArchive(store, [REF, parseReference('nope')], join(path, 'out.tar')), {
      code: 'image-not-found',
      exitCode: 2,
    });
    await assert.rejects(saveArchive(store, [REF], join(path, 'none', 'out.tar')), { code: 'bad-output', exitCode: 2 });
    const image = await openImage(store, REF);
    const abort = new AbortController();
    const aborted = saveArchive(store, [REF], join(path, 'out.tar'), { signal: abort.signal, onEvent: () => abort.abort() });
    await assert.rejects(aborted, { name: 'AbortError' });
    await writeFile(store.blobPath(image.manifest.config.digest), 'x'.repeat(image.manifest.config.size));
    await assert.rejects(saveArchive(store, [REF], join(path, 'out.tar')), { code: 'content-mismatch' });
    assert.deepEqual(await readdir(path), ['store']);
  }));

test('an archive can be given another name, and one without a name has to be', () =>
  withDirectory(async (path) => {
    await using store = await filledStore(path);
    const bytes = await archiveOf(store, [REF]);
    await loading(bytes, async (_, names) => assert.deepEqual(names, ['example.org/other:2']), { name: OTHER });
    await assert.rejects(
      loading(await archiveOf(store, [REF, OTHER]), async () => {}, { name: OTHER }),
      { code: 'many-images', exitCode: 2 },
    );
    const unnamed = await archiveOf(store, [parseReference(`localhost/test@${(await store.resolve(REF)).digest}`)], {
      format: 'docker-archive',
    });
    await assert.rejects(
      loading(unnamed, async () => {}),
      { code: 'image-unnamed', exitCode: 2, message: /^standard input cannot be loaded/ },
    );
    await loading(unnamed, async (_, names) => assert.deepEqual(names, ['localhost/test:1']), { name: REF });
  }));

test('an archive is copied from in place, a compressed one through temporary files that are gone afterwards', () =>
  withDirectory(async (path) => {
    await using store = await filledStore(join(path, 'store'));
    const plain = await archiveOf(store, [REF, OTHER]);
    const docker = await archiveOf(store, [REF, OTHER], { format: 'docker-archive' });
    for (const bytes of [plain, zstdCompressSync(plain), docker]) {
      await using target = await openStore(join(path, `target-${bytes.length}`));
      await writeFile(join(path, 'a.tar'), bytes);
      {
        await using archive = await openArchive(target, join(path, 'a.tar'));
        assert.deepEqual(archive.images.map(({ reference }) => formatReference(reference)).sort(), [
          'example.org/other:2',
          'localhost/test:1',
        ]);
        await copyImage(archive.source, target, { from: OTHER });
        await assert.rejects(archive.source.resolve(parseReference('nope')), { code: 'image-not-found' });
      }
      assert.deepEqual(await contentsOf(target, OTHER), await contentsOf(store, OTHER));
      await target.close();
      assert.deepEqual(await readdir(join(target.path, 'sealos', 'leases')), []);
    }
  }));

test('loading what is there already keeps it, and loading over a name moves the name', () =>
  withDirectory(async (path) => {
    await using store = await filledStore(path);
    const bytes = await archiveOf(store, [REF]);
    const before = await store.resolve(REF);
    await store.tag(REF, await store.resolve(OTHER));
    await loadArchive(store, '-', { stdin: Readable.from([bytes]) });
    assert.deepEqual(await store.resolve(REF), before);
  }));

const layer = await buffer(writeTar([file('a', 'in the layer')]));
const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(layer)] } }));
const dockerManifest = (members: object = {}) =>
  JSON.stringify([{ Config: 'c.json', RepoTags: ['test:1'], Layers: ['l/layer.tar'], ...members }]);
const bytesFile = (path: string, content: Buffer): TarEntry => ({ ...file(path), size: content.length, content });

test('the layouts of older Docker, ko and crane are understood: links for layers, gzip layers, configs without .json', async () => {
  const shapes: readonly (readonly TarEntry[])[] = [
    [file('manifest.json', dockerManifest()), bytesFile('c.json', config), directory('l'), bytesFile('l/layer.tar', layer)],
    [
      bytesFile('./x.tar', layer),
      symlink('./l/layer.tar', '../x.tar'),
      bytesFile('./c.json', config),
      file('./manifest.json', dockerManifest()),
    ],
    [bytesFile('x.tar', layer), hardlink('l/layer.tar', 'x.tar'), bytesFile('c.json', config), file('manifest.json', dockerManifest())],
    [
      bytesFile('x.tar.gz', gzipSync(layer)),
      bytesFile('sha256:c', config),
      file('manifest.json', dockerManifest({ Config: 'sha256:c', Layers: ['x.tar.gz'] })),
    ],
  ];
  for (const entries of shapes) {
    await loading(await buffer(writeTar(entries)), async (store, names) => {
      assert.deepEqual(names, ['docker.io/library/test:1']);
      assert.deepEqual(await contentsOf(store, parseReference('test:1')), [['a', digestOf('in the layer')]]);
    });
  }
});

const blob = (content: Buffer): TarEntry => bytesFile(`blobs/sha256/${hexOf(digestOf(content))}`, content);
const described = (content: Buffer, mediaType: string) => ({ mediaType, digest: digestOf(content), size: content.length });
const OCI = 'application/vnd.oci.image';
const ociManifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    config: described(config, `${OCI}.config.v1+json`),
    layers: [described(layer, `${OCI}.layer.v1.tar`)],
  }),
);
const index = (members: object = {}) =>
  file(
    'index.json',
    JSON.stringify({
      schemaVersion: 2,
      manifests: [
        {
          ...described(ociManifest, `${OCI}.manifest.v1+json`),
          annotations: { 'org.opencontainers.image.ref.name': 'test:1' },
          ...members,
        },
      ],
    }),
  );

test("Docker's own annotation names an image whose ref.name is a bare tag", async () => {
  const annotations = { 'org.opencontainers.image.ref.name': '1', 'io.containerd.image.name': 'docker.io/library/test:1' };
  await loading(await buffer(writeTar([blob(config), blob(layer), blob(ociManifest), index({ annotations })])), async (_, names) =>
    assert.deepEqual(names, ['docker.io/library/test:1']),
  );
});

const hostile: Readonly<Record<string, readonly [readonly TarEntry[] | Buffer, RegExp]>> = {
  'nothing at all': [Buffer.alloc(0), /empty/],
  'a text': [Buffer.from('This is no archive.\n'.repeat(100)), /not a tar archive/],
  'a tar without images': [[file('letter.txt', 'dear')], /not of images/],
  'a docker-archive without its layer': [
    [bytesFile('c.json', config), file('manifest.json', dockerManifest())],
    /lacks the layer 'l\/layer\.tar'/,
  ],
  'a docker-archive without its config': [[bytesFile('l/layer.tar', layer), file('manifest.json', dockerManifest())], /lacks the config/],
  'a docker-archive with another layer': [
    [bytesFile('c.json', config), file('l/layer.tar', 'x'.repeat(1024)), file('manifest.json', dockerManifest())],
    /not the one that the config names/,
  ],
  'a docker-archive with more layers than its config names': [
    [
      bytesFile('c.json', config),
      bytesFile('l/layer.tar', layer),
      file('manifest.json', dockerManifest({ Layers: ['l/layer.tar', 'l/layer.tar'] })),
    ],
    /2 layers where the config names 1/,
  ],
  'a docker-archive whose config lies outside': [
    [file('manifest.json', dockerManifest({ Config: '../../../etc/passwd' }))],
    /lacks the config/,
  ],
  'a docker-archive with links in a circle': [
    [
      symlink('l/layer.tar', '../b.tar'),
      symlink('b.tar', 'l/layer.tar'),
      bytesFile('c.json', config),
      file('manifest.json', dockerManifest()),
    ],
    /lacks the layer/,
  ],
  'a manifest.json that is something else': [[file('manifest.json', '{"name":"web app"}')], /not that of a docker-archive/],
  'an upper-case name': [
    [bytesFile('c.json', config), bytesFile('l/layer.tar', layer), file('manifest.json', dockerManifest({ RepoTags: ['Test:1'] }))],
    /upper case/,
  ],
  'a layout without its layer': [[blob(config), blob(ociManifest), index()], /lacks sha256/],
  'a layout without its manifest': [[blob(config), blob(layer), index()], /lacks sha256/],
  'a layout with a lying blob': [
    [blob(config), { ...blob(layer), ...bytesFile(blob(layer).path, Buffer.alloc(layer.length)) }, blob(ociManifest), index()],
    /another content/,
  ],
  'a layout with a lying size': [[blob(config), blob(layer), blob(ociManifest), index({ size: 7 })], /lacks sha256/],
  'a layout with a digest that is a path': [[index({ digest: 'sha256:../../../../etc/passwd' })], /digest/],
  'a layout of something else than images': [
    [blob(config), blob(layer), blob(ociManifest), index({ mediaType: 'text/plain' })],
    /no image/,
  ],
  'an index.json that is nested too deep': [[file('index.json', '['.repeat(10_000))], /levels deep/],
};

for (const [what, [entries, message]] of Object.entries(hostile)) {
  test(`refused in one line, the store unchanged: ${what}`, () =>
    withDirectory(async (path) => {
      const bytes = Buffer.isBuffer(entries) ? entries : await buffer(writeTar(entries));
      await writeFile(join(path, 'in.tar'), bytes);
      await using store = await filledStore(join(path, 'store'));
      await store.close();
      const before = await filesIn(store.path);
      const expected = { exitCode: 2, message: new RegExp(`^[^\\n]*in\\.tar[^\\n]*${message.source}[^\\n]*$`) };
      await assert.rejects(loadArchive(store, join(path, 'in.tar')), expected);
      await store.close();
      assert.deepEqual(await filesIn(store.path), before);
    }));
}

test('an archive cut at any place is refused, the store unchanged', () =>
  withDirectory(async (path) => {
    await using source = await filledStore(join(path, 'source'));
    await using store = await openStore(join(path, 'store'));
    const before = await filesIn(store.path);
    for (const format of ['oci-archive', 'docker-archive'] as const) {
      const plain = await archiveOf(source, [REF], { format });
      for (const bytes of [plain, zstdCompressSync(plain)]) {
        for (const share of [0.001, 0.1, 0.5, 0.9]) {
          await writeFile(join(path, 'cut.tar'), bytes.subarray(0, Math.floor(bytes.length * share)));
          await assert.rejects(loadArchive(store, join(path, 'cut.tar')), { exitCode: 2, message: /cut\.tar/ });
        }
      }
    }
    await store.close();
    assert.deepEqual(await filesIn(store.path), before);
  }));

test('what is not there, is a directory, or is aborted is told so', () =>
  withDirectory(async (path) => {
    await using store = await openStore(join(path, 'store'));
    await assert.rejects(loadArchive(store, join(path, 'nope.tar')), { code: 'archive-not-found', exitCode: 2 });
    await assert.rejects(loadArchive(store, path), { code: 'bad-archive', exitCode: 2, message: /directory/ });
    const abort = new AbortController();
    const stuck = new Readable({ read() {} });
    const load = loadArchive(store, '-', { stdin: stuck, signal: abort.signal });
    setImmediate(() => abort.abort());
    await assert.rejects(load, { name: 'AbortError' });
    assert.equal((await stat(join(path, 'store', 'blobs'))).isDirectory(), true);
  }));
