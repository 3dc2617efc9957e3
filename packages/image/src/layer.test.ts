import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, link, mkdir, readdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { file, variedEntries, withDirectory } from '../../../test/support/images.ts';
import { compress, compressionOf, decompress } from './compress.ts';
import { digestOf } from './digest.ts';
import { sourceDate, writeLayer } from './layer.ts';
import { entriesIn } from './layer-entries.ts';
import { openStore } from './store.ts';
import type { TarEntry } from './tar.ts';
import { writeTar } from './tar-write.ts';
import { verified } from './verify.ts';

const sha256 = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

// Several units of compression, half of it random.
const much = Buffer.concat([randomBytes(6_000_000), Buffer.alloc(6_000_000, 'sealos ')]);

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

for (const compression of ['zstd', 'gzip', 'none'] as const) {
  test(`${compression}: digests are right, and the same bytes give the same layer`, () =>
    withDirectory(async (path) => {
      await using store = await openStore(path);
      const entries = [...variedEntries(), { ...file('much'), size: much.length, content: () => inPieces(much, 100_000) }];
      const plain = await buffer(writeTar(entries));
      const layer = await writeLayer(store, entries, { compression });
      assert.equal(layer.diffId, sha256(plain));
      assert.equal(layer.uncompressedBytes, plain.length);
      const stored = await buffer(await store.read(layer.descriptor.digest));
      assert.equal(layer.descriptor.digest, sha256(stored));
      assert.equal(layer.descriptor.size, stored.length);
      assert.equal(compressionOf(stored), compression);
      assert.deepEqual(await buffer(decompress(Readable.from([stored]), compression)), plain);
      const again = await writeLayer(
        store,
        [...variedEntries(), { ...file('much'), size: much.length, content: () => inPieces(much, 7777) }],
        { compression },
      );
      assert.deepEqual(again, layer);
    }));
}

test('the zstd and gzip programs read what we compress', { skip: !hasProgram('zstd') && 'zstd is not installed' }, async () => {
  for (const compression of ['zstd', 'gzip'] as const) {
    const packed = await buffer(compress(inPieces(much, 1_000_000), { compression }));
    assert.ok(execFileSync(compression, ['-dc'], { input: packed, maxBuffer: 1 << 26 }).equals(much));
  }
});

test('data that is cut or damaged is an error, not a short result', async () => {
  for (const compression of ['zstd', 'gzip'] as const) {
    const packed = await buffer(compress(inPieces(much, 1_000_000), { compression }));
    for (const cut of [1, 1000, packed.length - 1]) {
      await assert.rejects(buffer(decompress(Readable.from([packed.subarray(0, cut)]), compression)), { code: 'bad-compression' });
    }
    const flipped = Buffer.from(packed);
    flipped.fill(flipped.at(3_000_000) === 0 ? 1 : 0, 3_000_000, 3_000_001);
    await assert.rejects(buffer(decompress(Readable.from([flipped]), compression)), { code: 'bad-compression' });
  }
});

test('content with a tail that decompression would not look at is still verified to its end', async () => {
  for (const compression of ['zstd', 'gzip'] as const) {
    const packed = await buffer(compress(inPieces(Buffer.from('replaced'), 100), { compression }));
    const body = Readable.from([packed, ...Array.from({ length: 100 }, () => Buffer.alloc(100_000))]);
    const descriptor = { mediaType: 'm', digest: digestOf('the right content'), size: packed.length + 10_000_000 };
    await assert.rejects(buffer(decompress(verified(body, descriptor), compression)), { code: /^(bad-compression|content-mismatch)$/ });
  }
});

test('times later than the given date become it, fractions are cut', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const at = (mtime: number): TarEntry[] => [file('old', '', { mtime: 5 }), file('new', '', { mtime })];
    const one = await writeLayer(store, at(2_000_000_000.7), { latest: 1000 });
    assert.deepEqual(await writeLayer(store, at(1_900_000_000), { latest: 1000 }), one);
    assert.deepEqual(await writeLayer(store, at(1000)), one);
    assert.deepEqual(await writeLayer(store, at(1000.9)), one);
    assert.notDeepEqual(await writeLayer(store, at(999), { latest: 1000 }), one);
  }));

test('SOURCE_DATE_EPOCH is a number of seconds or refused', () => {
  assert.equal(sourceDate({}), undefined);
  assert.equal(sourceDate({ SOURCE_DATE_EPOCH: '1700000000' }), 1_700_000_000);
  assert.throws(() => sourceDate({ SOURCE_DATE_EPOCH: 'yesterday' }), { code: 'bad-source-date', exitCode: 2 });
});

test('a directory becomes the same entries whatever the order on disk; other names of a file are hard links', () =>
  withDirectory(async (path) => {
    for (const name of ['b', 'a', 'a-b', 'Z']) await mkdir(join(path, name));
    await writeFile(join(path, 'a', 'second'), 'text');
    await link(join(path, 'a', 'second'), join(path, 'a', 'first'));
    await symlink('a', join(path, 'link'));
    await chmod(join(path, 'a', 'second'), 0o4750);
    await utimes(join(path, 'a', 'second'), 7.9, 7.9);
    execFileSync('mkfifo', [join(path, 'pipe')]);
    const entries = await Array.fromAsync(entriesIn(path, 'root', { uid: 0, gid: 0 }));
    assert.deepEqual(
      entries.map((entry) => `${entry.type} ${entry.path}${entry.linkname === undefined ? '' : ` -> ${entry.linkname}`}`),
      [
        'directory root/Z',
        'directory root/a',
        'file root/a/first',
        'hardlink root/a/second -> root/a/first',
        'directory root/a-b',
        'directory root/b',
        'symlink root/link -> a',
      ],
    );
    const { content: _, ...first } = entries[2] ?? file('none');
    assert.deepEqual(first, { path: 'root/a/first', type: 'file', mode: 0o4750, uid: 0, gid: 0, mtime: 7, size: 4 });
  }));

test('an aborted layer leaves nothing behind', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const abort = new AbortController();
    const endless: TarEntry = {
      ...file('endless'),
      size: 2 ** 40,
      content: async function* () {
        for (let piece = 0; ; piece++) {
          if (piece === 20) abort.abort();
          yield Buffer.alloc(1 << 20);
        }
      },
    };
    await assert.rejects(writeLayer(store, [endless], { signal: abort.signal }), { name: 'AbortError' });
    assert.deepEqual(await readdir(join(path, 'blobs', 'sha256')), []);
    assert.deepEqual(
      (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.blob')),
      [],
    );
  }));

function hasProgram(name: string): boolean {
  try {
    execFileSync(name, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
