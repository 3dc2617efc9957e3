import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { file, makeImage, withDirectory } from '../../../../test/support/images.ts';
import { hexOf } from '../digest.ts';
import { openImage } from '../image.ts';
import { layerFiles } from '../layer-files.ts';
import type { Descriptor } from '../manifest.ts';
import { parseManifest } from '../manifest-parse.ts';
import { OCI_INDEX, OCI_MANIFEST } from '../media-types.ts';
import { parseReference } from '../reference.ts';
import { openStore, type Store } from '../store.ts';
import { checkStore } from './check-store.ts';

const ONE = 'localhost/one:1';
const TWO = 'localhost/two:1';

/** A store with two images that share a layer, closed. */
async function withStore(work: (path: string, store: Store) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    const path = join(directory, 'store');
    const store = await openStore(path);
    const shared = [file('shared', 'the same in both')];
    await makeImage(store, { name: ONE, layers: [shared, [file('one', '1')]] });
    await makeImage(store, { name: TWO, layers: [shared, [file('two', '2'.repeat(3_000_000))]] });
    await store.close();
    await work(path, store);
  });
}

const subjects = async (path: string) => (await checkStore(path)).faults.map(({ kind, subject }) => `${kind} ${subject}`);
const names = async (path: string) => (await (await openStore(path)).list()).map(({ reference }) => reference.repository);
const layersOf = async (store: Store, name: string) => (await openImage(store, parseReference(name))).layers;
const blobOf = (descriptor: Descriptor | undefined) => join('blobs', 'sha256', hexOf(descriptor?.digest ?? 'sha256:'));

/** Repairs, and sees that a second check finds nothing. */
async function repaired(path: string) {
  const { faults } = await checkStore(path, { repair: true });
  for (const fault of faults) assert.ok(fault.mended, `${fault.subject} was not mended`);
  assert.deepEqual((await checkStore(path)).faults, []);
  return faults;
}

test('a whole store has no fault, and a check changes nothing', () =>
  withStore(async (path, store) => {
    for (const layer of await layersOf(store, TWO)) await layerFiles(store, layer);
    const before = await readdir(path, { recursive: true });
    const report = await checkStore(path);
    assert.deepEqual(report.faults, []);
    assert.deepEqual([report.images, report.blobs, report.unnamed.blobs], [2, 7, 0]);
    assert.deepEqual(await readdir(path, { recursive: true }), before);
  }));

test('a directory that is no store is refused, one that is not there is a store without faults', () =>
  withDirectory(async (path) => {
    assert.deepEqual((await checkStore(join(path, 'absent'))).faults, []);
    await writeFile(join(path, 'letter'), '');
    await assert.rejects(checkStore(path), { code: 'bad-store', exitCode: 2 });
    assert.deepEqual(await readdir(path), ['letter']);
  }));

test('a changed, a longer and a shorter blob are found by content, moved away, and their image loses its name alone', () =>
  withStore(async (path, store) => {
    const layer = blobOf((await layersOf(store, TWO))[1]);
    const bytes = await readFile(join(path, layer));
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    await writeFile(join(path, layer), bytes);
    assert.deepEqual(await subjects(path), [`blob ${layer}`, `name ${TWO}`]);
    for (const damage of [() => appendFile(join(path, layer), 'x'), () => truncate(join(path, layer), 10)]) {
      await damage();
      assert.deepEqual(await subjects(path), [`blob ${layer}`, `name ${TWO}`]);
    }
    await repaired(path);
    assert.deepEqual(await names(path), ['one']);
    const kept = (await readdir(join(path, 'sealos', 'quarantine'), { recursive: true })).filter((name) => name.endsWith(layer));
    assert.equal(kept.length, 1);
    // The same content put in again is an image again.
    await using again = await openStore(path);
    await makeImage(again, { name: TWO, layers: [[file('shared', 'the same in both')], [file('two', '2'.repeat(3_000_000))]] });
    assert.deepEqual(await subjects(path), []);
  }));

test('a missing layer, config or manifest takes its name, and only its name', () =>
  withStore(async (path, store) => {
    const image = await openImage(store, parseReference(TWO));
    for (const part of [image.layers[1], image.manifest.config, image.descriptor]) {
      const aside = join(path, '..', 'aside');
      await rename(join(path, blobOf(part)), aside);
      assert.deepEqual(await subjects(path), [`name ${TWO}`]);
      await rename(aside, join(path, blobOf(part)));
    }
    await rm(join(path, blobOf(image.manifest.config)));
    const [fault] = await repaired(path);
    assert.match(fault?.mended ?? '', /the name was removed/);
    assert.deepEqual(await names(path), ['one']);
  }));

test('of an index the platform that is broken goes, the name stays', () =>
  withStore(async (path) => {
    const store = await openStore(path);
    const one = await store.resolve(parseReference(ONE));
    const two = await store.resolve(parseReference(TWO));
    const manifests = [
      { ...one, platform: { os: 'linux', architecture: 'amd64' } },
      { ...two, platform: { os: 'linux', architecture: 'arm64' } },
    ];
    const index = await store.writeBytes(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX);
    await store.tag(parseReference('localhost/both:1'), index);
    await store.remove(parseReference(TWO));
    await store.close();
    const [, ownLayer] = parseManifest(await readFile(join(path, blobOf(two))), two.mediaType).layers;
    await rm(join(path, blobOf(ownLayer)));
    assert.deepEqual(await subjects(path), ['name localhost/both:1']);
    const [fault] = await repaired(path);
    assert.match(fault?.mended ?? '', /the platform that is not whole/);
    assert.deepEqual(await names(path), ['both', 'one']);
  }));

test('one broken entry of index.json takes no other along; one that cannot be read at all is kept aside', () =>
  withStore(async (path) => {
    const file = join(path, 'index.json');
    const index = JSON.parse(await readFile(file, 'utf8'));
    index.manifests.push({ digest: 'sha256:../../etc/passwd' }, index.manifests[0]);
    await writeFile(file, JSON.stringify(index));
    assert.deepEqual(await subjects(path), ['index index.json', 'index index.json']);
    await repaired(path);
    assert.deepEqual(await names(path), ['one', 'two']);
    await writeFile(file, '{"manifests":[');
    assert.deepEqual(await subjects(path), ['index index.json']);
    await repaired(path);
    assert.deepEqual(await names(path), []);
    assert.equal((await checkStore(path)).unnamed.blobs, 7);
  }));

test('what has no business in a store is told and moved away: files, links, directories in the place of files', () =>
  withStore(async (path, store) => {
    const blobs = join(path, 'blobs', 'sha256');
    await writeFile(join(path, 'notes.txt'), 'x');
    await writeFile(join(blobs, 'ABC'), 'x');
    await mkdir(join(blobs, 'a'.repeat(64)));
    await symlink('/etc/passwd', join(blobs, 'b'.repeat(64)));
    await mkdir(join(path, 'blobs', 'sha512'));
    await writeFile(join(path, 'sealos', 'thing'), '');
    const [layer] = await layersOf(store, ONE);
    if (layer !== undefined) await layerFiles(store, layer);
    const cache = join('sealos', 'index', `${hexOf(layer?.digest ?? 'sha256:')}.json`);
    await truncate(join(path, cache), 60);
    assert.deepEqual((await subjects(path)).sort(), [
      `blob blobs/sha256/${'a'.repeat(64)}`,
      `blob blobs/sha256/${'b'.repeat(64)}`,
      `cache ${cache}`,
      'stray blobs/sha256/ABC',
      'stray blobs/sha512',
      'stray notes.txt',
      'stray sealos/thing',
    ]);
    const before = await readFile('/etc/passwd');
    await repaired(path);
    assert.deepEqual(await readFile('/etc/passwd'), before);
    assert.deepEqual(await names(path), ['one', 'two']);
  }));

test('leases, locks and drafts of dead processes are told and removed, those of running ones are left alone', () =>
  withStore(async (path) => {
    const gone = spawn('true');
    await once(gone, 'exit');
    const dead = JSON.stringify({ pid: gone.pid, host: hostname(), started: '1' });
    const lease = join('sealos', 'leases', `${gone.pid}-00112233`);
    await mkdir(join(path, lease), { recursive: true });
    await writeFile(join(path, lease, 'owner.json'), dead);
    await writeFile(join(path, lease, '1.blob'), 'half a blob');
    await writeFile(join(path, 'sealos', 'lock'), dead);
    const draft = `index.json.${gone.pid}-00112233.tmp`;
    await writeFile(join(path, draft), '{');
    await writeFile(join(path, `index.json.${process.pid}-00112233.tmp`), '{');
    await using writer = await openStore(path);
    // A live writer: it has removed the dead lease and lock, so they are put there again.
    const own = await writer.lease();
    await mkdir(join(path, lease), { recursive: true });
    await writeFile(join(path, lease, 'owner.json'), dead);
    await writeFile(join(path, 'sealos', 'lock'), dead);
    assert.deepEqual((await subjects(path)).sort(), [`lease ${lease}`, 'lock sealos/lock', `stray ${draft}`]);
    await repaired(path);
    assert.ok((await readdir(join(path, 'sealos', 'leases'))).includes(own.path.slice(own.path.lastIndexOf('/') + 1)));
    assert.ok((await readdir(path)).includes(`index.json.${process.pid}-00112233.tmp`));
  }));

test('names and blobs that another command removes during a check are no faults', () =>
  withStore(async (path, store) => {
    // Hundreds of blobs, so that the removal falls into the check.
    for (let count = 0; count < 300; count++) await store.writeBytes(`${count}`, OCI_MANIFEST);
    await store.close();
    const checking = checkStore(path);
    await using other = await openStore(path);
    await other.remove(parseReference(TWO));
    await other.collectGarbage();
    assert.deepEqual((await checking).faults, []);
  }));

test('an aborted check ends at once', () =>
  withStore(async (path) => {
    await assert.rejects(checkStore(path, { signal: AbortSignal.abort() }), { name: 'AbortError' });
  }));
