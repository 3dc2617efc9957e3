// Hostile manifests, configs and indexes: in archives of both kinds, and from a registry.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadArchive, openArchive, openImage, parseReference, pullImage, unpackImage } from '../../../packages/image/src/index.ts';
import { documents, indexes } from '../../support/hostile-documents.ts';
import { dockerArchive, honestConfig, makeParts, NAME, ociArchive } from '../../support/hostile-images.ts';
import { startHostileRegistry } from '../../support/hostile-registry.ts';
import { refusalOf, withSandbox } from '../../support/hostile-sandbox.ts';
import { file, hardlink, link, tar } from '../../support/hostile-tar.ts';

for (const { name, parts, refused } of documents) {
  test(`${refused === undefined ? 'harmless' : 'refused'}, from an archive and from a registry: ${name}`, () =>
    withSandbox(async ({ store, input, target }) => {
      const archive = join(input, 'archive.tar');
      writeFileSync(archive, ociArchive(parts));
      const use = async (bring: () => Promise<unknown>, into: string) => {
        await bring();
        await unpackImage(store, await openImage(store, parseReference(NAME)), into);
      };
      const loaded = await refusalOf(() => use(() => loadArchive(store, archive), join(target, 'loaded')));
      await using registry = await startHostileRegistry(makeParts(parts));
      const reference = parseReference(`${registry.address}/hostile:1`);
      const pulled = await refusalOf(async () => {
        await pullImage(store, reference, { registry: { retry: { attempts: 2, delay: 1 } } });
        await unpackImage(store, await openImage(store, reference), join(target, 'pulled'));
      });
      for (const said of [loaded, pulled]) {
        if (refused === undefined) assert.equal(said, undefined);
        else assert.match(said ?? 'it was taken', refused);
      }
    }));
}

for (const { name, parts, refused = /./ } of indexes) {
  test(`refused, loaded and read in place: ${name}`, () =>
    withSandbox(async ({ store, input }) => {
      const archive = join(input, 'archive.tar');
      writeFileSync(archive, ociArchive(parts));
      const said = await refusalOf(() => loadArchive(store, archive));
      assert.match(said ?? 'it was loaded', refused);
      await refusalOf(async () => {
        await using opened = await openArchive(store, archive);
        for (const { reference } of opened.images) await openImage(opened.source, reference);
      });
      assert.deepEqual(await store.list(), []);
    }));
}

const layer = tar(file('a', 'b'));
const docker: readonly { readonly name: string; readonly archive: (outside: string) => Buffer; readonly refused: RegExp }[] = [
  {
    name: 'a config whose path leaves the archive',
    archive: () => dockerArchive({ manifest: [{ Config: '../../etc/passwd', RepoTags: [NAME], Layers: [] }] }),
    refused: /lacks the config/,
  },
  {
    name: 'a config with an absolute path',
    archive: (outside) => dockerArchive({ manifest: [{ Config: `${outside}/passwd`, RepoTags: [NAME], Layers: [] }] }),
    refused: /lacks the config/,
  },
  {
    name: 'a layer whose path leaves the archive',
    archive: (outside) => dockerArchive({ manifest: [{ Config: 'config.json', RepoTags: [NAME], Layers: [`${outside}/passwd`] }] }),
    refused: /lacks the layer/,
  },
  {
    name: 'a layer that is a link to a file of this machine',
    archive: (outside) =>
      dockerArchive({
        more: [link('l.tar', `${outside}/passwd`)],
        manifest: [{ Config: 'config.json', RepoTags: [NAME], Layers: ['l.tar'] }],
      }),
    refused: /lacks the layer/,
  },
  {
    name: 'a layer that is a hard link to a file of this machine',
    archive: (outside) =>
      dockerArchive({
        more: [hardlink('l.tar', `${outside}/passwd`)],
        manifest: [{ Config: 'config.json', RepoTags: [NAME], Layers: ['l.tar'] }],
      }),
    refused: /lacks the layer/,
  },
  {
    name: 'layers that are links in a circle',
    archive: () =>
      dockerArchive({
        more: [link('l.tar', 'm.tar'), link('m.tar', 'l.tar')],
        manifest: [{ Config: 'config.json', RepoTags: [NAME], Layers: ['l.tar'] }],
      }),
    refused: /lacks the layer/,
  },
  {
    name: 'names with control characters',
    archive: () => dockerArchive({ manifest: [{ Config: 'config.json\x1b[2J', RepoTags: [NAME], Layers: [] }] }),
    refused: /lacks the config 'config\.json\?\[2J'/,
  },
  {
    name: 'an image name with ..',
    archive: () => dockerArchive({ manifest: [{ Config: 'config.json', RepoTags: ['../../x:1'], Layers: ['0/layer.tar'] }] }),
    refused: /not an image name/,
  },
  {
    name: 'five thousand names',
    archive: () =>
      dockerArchive({
        manifest: [{ Config: 'config.json', RepoTags: Array.from({ length: 5000 }, (_, at) => `a:${at}`), Layers: ['0/layer.tar'] }],
      }),
    refused: /5000 names/,
  },
  {
    name: 'five thousand images',
    archive: () =>
      dockerArchive({
        manifest: Array.from({ length: 5000 }, () => ({ Config: 'config.json', RepoTags: [NAME], Layers: ['0/layer.tar'] })),
      }),
    refused: /5000 images/,
  },
  {
    name: 'a manifest that is an object',
    archive: () => dockerArchive({ manifest: { __proto__: 1 } }),
    refused: /not that of a docker-archive/,
  },
  {
    name: 'diff ids that lie',
    archive: () => dockerArchive({ config: honestConfig([Buffer.from('x')]) }),
    refused: /not the one that the config names/,
  },
  {
    name: 'a blob that is not what its name says',
    archive: () => tar(file(`blobs/sha256/${'0'.repeat(64)}`, 'x'), file('index.json', '{}')),
    refused: /another content/,
  },
  {
    name: 'two blobs of one name',
    archive: () => tar(file(`blobs/sha256/${'a'.repeat(64)}`, layer), file(`blobs/sha256/${'a'.repeat(64)}`, 'x')),
    refused: /another content/,
  },
  { name: 'neither index nor manifest', archive: () => tar(file('a', 'b')), refused: /no index\.json and no manifest\.json/ },
  {
    name: 'seventy files of one MiB',
    archive: () => tar(...Array.from({ length: 70 }, (_, at) => file(`${at}.json`, Buffer.alloc(1024 * 1024)))),
    refused: /too many small files/,
  },
];

for (const { name, archive, refused } of docker) {
  test(`refused, the store unchanged: an archive with ${name}`, () =>
    withSandbox(async ({ store, input, outside }) => {
      const path = join(input, 'archive.tar');
      writeFileSync(path, archive(outside));
      assert.match((await refusalOf(() => loadArchive(store, path))) ?? 'it was loaded', refused);
      assert.deepEqual(await store.list(), []);
    }));
}
