import assert from 'node:assert/strict';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { file, makeImage, withDirectory } from '../../../test/support/images.ts';
import type { ContentSource, TransferEvent } from './content.ts';
import { copyImage } from './copy.ts';
import { openImage } from './image.ts';
import type { Descriptor } from './manifest.ts';
import { OCI_INDEX } from './media-types.ts';
import { parsePlatform } from './platform.ts';
import { parseReference } from './reference.ts';
import { openStore, type Store } from './store.ts';

const REF = parseReference('localhost/test:1');
const MULTI = parseReference('localhost/multi:1');

async function makeIndex(store: Store): Promise<Descriptor> {
  const manifests: Descriptor[] = [];
  for (const architecture of ['amd64', 'arm64']) {
    const manifest = await makeImage(store, { name: `localhost/${architecture}:1`, layers: [[file('a', architecture)]], architecture });
    manifests.push({ ...manifest, platform: { os: 'linux', architecture } });
  }
  const index = await store.writeBytes(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX);
  await store.tag(MULTI, index);
  return index;
}

function withStores(work: (source: Store, sink: Store) => Promise<void>): Promise<void> {
  return withDirectory(async (path) => {
    await using source = await openStore(join(path, 'source'));
    await using sink = await openStore(join(path, 'sink'));
    await work(source, sink);
  });
}

test('a copy tells what it does and skips what is there', () =>
  withStores(async (source, sink) => {
    const manifest = await makeImage(source, { layers: [[file('a', 'x')], [file('b', 'y')]] });
    const copy = async () => {
      const events: TransferEvent[] = [];
      const to = parseReference('example.org/renamed:2');
      assert.deepEqual(await copyImage(source, sink, { from: REF, to, onEvent: (event) => events.push(event) }), manifest);
      assert.deepEqual(await sink.resolve(to), manifest);
      return events.map(({ kind }) => kind).sort();
    };
    assert.deepEqual(await copy(), [...Array(3).fill('done'), ...Array(3).fill('progress'), ...Array(3).fill('start')]);
    assert.deepEqual(await copy(), ['skip', 'skip', 'skip']);
  }));

test('out of an index comes one platform, or all of it', () =>
  withStores(async (source, sink) => {
    const index = await makeIndex(source);
    const arm = await copyImage(source, sink, { from: MULTI, platform: parsePlatform('linux/arm64') });
    assert.equal((await openImage(sink, MULTI, { platform: parsePlatform('linux/arm64') })).config.architecture, 'arm64');
    assert.notEqual(arm.digest, index.digest);
    await assert.rejects(openImage(sink, MULTI, { platform: parsePlatform('linux/amd64') }), {
      code: 'no-platform',
      exitCode: 2,
      message: /is for linux\/arm64/,
    });
    assert.deepEqual(await copyImage(source, sink, { from: MULTI, platform: 'all' }), index);
    assert.equal((await openImage(sink, MULTI, { platform: parsePlatform('linux/amd64') })).config.architecture, 'amd64');
    await assert.rejects(copyImage(source, sink, { from: MULTI, platform: parsePlatform('linux/s390x') }), {
      code: 'no-platform',
      message: /linux\/amd64, linux\/arm64/,
    });
  }));

test('a connection that breaks at every few bytes is gone on with, and the result verified', () =>
  withStores(async (source, sink) => {
    await makeImage(source, { layers: [[file('a', 'x'.repeat(5000))]], compression: 'none' });
    let breaks = 0;
    const flaky: ContentSource = {
      resolve: (reference) => source.resolve(reference),
      async fetch(reference, descriptor, options = {}) {
        const body = await source.fetch(reference, descriptor, options);
        if (descriptor.size < 4000) return body;
        return Readable.from(
          (async function* () {
            for await (const chunk of body) {
              yield chunk.subarray(0, 1500);
              if (chunk.length <= 1500) continue;
              breaks++;
              throw new Error('connection lost');
            }
          })(),
        );
      },
    };
    await copyImage(flaky, sink, { from: REF });
    assert.ok(breaks > 2);
    assert.deepEqual(await sink.resolve(REF), await source.resolve(REF));
  }));

test('a failed or aborted copy names nothing', () =>
  withStores(async (source, sink) => {
    await makeImage(source, { layers: [[file('a', 'x')], [file('b', 'y')]] });
    const lying: ContentSource = {
      resolve: (reference) => source.resolve(reference),
      fetch: async (reference, descriptor, options) =>
        descriptor.mediaType.includes('layer')
          ? Readable.from([Buffer.alloc(descriptor.size)])
          : source.fetch(reference, descriptor, options),
    };
    await assert.rejects(copyImage(lying, sink, { from: REF }), { code: 'content-mismatch' });
    await assert.rejects(copyImage(source, sink, { from: REF, signal: AbortSignal.abort() }), { name: 'AbortError' });
    assert.deepEqual(await sink.list(), []);
    await sink.close();
    assert.ok((await sink.collectGarbage()).removed <= 2);
  }));
