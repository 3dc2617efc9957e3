// Hostile layers through every entry where a layer is opened: unpacking, looking into it, loading, building on it and from it, planning for hosts.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  buildImage,
  loadArchive,
  openImage,
  openStore,
  parseReference,
  readFiles,
  saveArchive,
  unpackImage,
} from '../../../packages/image/src/index.ts';
import { loadImage } from '../../../packages/runtime/src/run/load-image.ts';
import { dockerArchive, NAME, ociArchive, putImage } from '../../support/hostile-images.ts';
import { type HostileLayers, lies, oddities, traversals } from '../../support/hostile-layers.ts';
import { refusalOf, withSandbox } from '../../support/hostile-sandbox.ts';

const signal = new AbortController().signal;
const platform = { os: 'linux', architecture: 'amd64' };

function runCase({ name, layers, refused }: HostileLayers): void {
  test(`${refused === undefined ? 'contained' : 'refused'} everywhere: ${name}`, () =>
    withSandbox(async ({ outside, target, store, input }) => {
      const made = layers(outside);
      // As somebody would hand it over: an archive of either kind. An image that is not looked into may be kept.
      const archive = join(input, 'archive.tar');
      for (const bytes of [ociArchive({ layers: made }), dockerArchive({ layers: made })]) {
        writeFileSync(archive, bytes);
        await using other = await openStore(join(input, 'store'));
        await refusalOf(() => loadArchive(other, archive));
      }
      await putImage(store, made);
      const image = await openImage(store, parseReference(NAME));

      const said = await refusalOf(() => unpackImage(store, image, target));
      if (refused === undefined) assert.equal(said, undefined);
      else assert.match(said ?? 'it was unpacked', refused);

      await refusalOf(() => readFiles(store, image, () => true));
      await refusalOf(() => saveArchive(store, [image.reference], join(input, 'saved.tar'), { format: 'docker-archive' }));
      const pull = () => assert.fail('there is nothing to pull');
      await refusalOf(() => loadImage(store, NAME, { platform, pull, signal }));
      writeFileSync(join(input, 'Kubefile'), `FROM scratch\nCOPY --from=${NAME} / /copied/\n`);
      await refusalOf(() => buildImage(store, { context: input, names: ['localhost/copied:1'], environment: {} }));
      writeFileSync(join(input, 'Kubefile'), `FROM ${NAME}\nCOPY Kubefile /etc/x\nCOPY Kubefile /d/passwd\n`);
      await refusalOf(() => buildImage(store, { context: input, names: ['localhost/above:1'], environment: {} }));
      for (const [position, layer] of made.entries()) writeFileSync(join(input, `${position}.tar`), layer);
      writeFileSync(join(input, 'Kubefile'), `FROM scratch\nADD 0.tar /a/\n${made.length > 1 ? 'ADD 1.tar /a/\n' : ''}`);
      const added = await refusalOf(() => buildImage(store, { context: input, names: ['localhost/added:1'], environment: {} }));
      if (added !== undefined) return;
      // What a build accepts, it must be able to unpack, inside.
      const built = await openImage(store, parseReference('localhost/added:1'));
      await refusalOf(() => unpackImage(store, built, join(input, 'added')));
    }));
}

for (const hostile of [...traversals, ...oddities, ...lies]) runCase(hostile);
