import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { zstdDecompressSync } from 'node:zlib';
import { file, withDirectory } from '../../../test/support/images.ts';
import { compressedUnits, type UnitOptions } from './compress-units.ts';
import { writeLayer } from './layer.ts';
import { openStore } from './store.ts';
import type { TarFile } from './tar-write.ts';

const MIB = 1024 * 1024;

async function* parts(...list: readonly (Buffer | TarFile)[]): AsyncGenerator<Buffer | TarFile> {
  yield* list;
}

async function compressed(list: readonly (Buffer | TarFile)[], options: Partial<UnitOptions> = {}): Promise<readonly Buffer[]> {
  const units: Buffer[] = [];
  for await (const { bytes, release } of compressedUnits(parts(...list), { compression: 'zstd', ...options })) {
    units.push(Buffer.from(bytes));
    release();
  }
  return units;
}

test('a file is compressed as its bytes are, wherever in a unit it begins', () =>
  withDirectory(async (directory) => {
    const content = Buffer.concat([randomBytes(5 * MIB), Buffer.alloc(5 * MIB, 'sealos '), randomBytes(MIB / 2 + 7)]);
    const path = join(directory, 'program');
    await writeFile(path, content);
    const head = Buffer.alloc(513, 'head');
    const fromFile = await compressed([head, { file: path, size: content.length, path: 'program' }, head]);
    const fromMemory = await compressed([head, content, head]);
    assert.equal(fromFile.length, 3);
    assert.deepEqual(fromFile, fromMemory);
    assert.ok(Buffer.concat(fromFile.map((unit) => zstdDecompressSync(unit))).equals(Buffer.concat([head, content, head])));
  }));

test('a file that has become longer or shorter is no layer, and leaves nothing in the store', () =>
  withDirectory(async (directory) => {
    await using store = await openStore(join(directory, 'store'));
    const path = join(directory, 'log');
    for (const compression of ['zstd', 'none'] as const) {
      await writeFile(path, randomBytes(5 * MIB));
      const entry = { ...file('log'), size: 5 * MIB, content: { file: path } };
      await appendFile(path, 'more');
      await assert.rejects(writeLayer(store, [entry], { compression }), { code: 'file-changed' });
      await truncate(path, 5 * MIB - 1);
      await assert.rejects(writeLayer(store, [entry], { compression }), { code: 'file-changed' });
    }
    assert.deepEqual(await store.collectGarbage(), { removed: 0, bytes: 0, busy: false });
  }));

test('memory that is given back late bounds how far ahead is read, and nothing waits for ever', async () => {
  let begun = 0;
  const endless = async function* (): AsyncGenerator<Buffer> {
    for (;;) yield randomBytes(MIB);
  };
  const held: (() => void)[] = [];
  const units = compressedUnits(endless(), { compression: 'zstd', onPlain: () => begun++ });
  const first = await units.next();
  assert.ok(first.value);
  held.push(first.value.release);
  const whileHeld = begun;
  for (let count = 0; count < 40; count += 1) {
    const { value } = await units.next();
    assert.ok(value);
    value.release();
  }
  assert.ok(whileHeld < 20, `${whileHeld} units were begun before the first was given back`);
  assert.ok(begun > 40);
  for (const release of held) release();
  await units.return(undefined);
});

test('noise and repetition become no bigger for being compressed quickly', async () => {
  const noise = randomBytes(4 * MIB);
  const text = Buffer.alloc(4 * MIB, 'the same again and again, ');
  const [ofNoise, ofText] = await compressed([noise, text]);
  assert.ok(ofNoise && ofText);
  assert.ok(ofNoise.length < noise.length + 2048);
  assert.ok(ofText.length < 4096);
});

test('an error of the source and an abort end it, with nothing left waiting', async () => {
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield randomBytes(9 * MIB);
    throw new Error('the source broke');
  };
  const consume = async (source: AsyncIterable<Buffer>, signal?: AbortSignal) => {
    for await (const { release } of compressedUnits(source, { compression: 'zstd', signal })) release();
  };
  await assert.rejects(consume(broken()), { message: 'the source broke' });
  const stopped = AbortSignal.abort(new Error('stopped'));
  await assert.rejects(consume(parts(randomBytes(9 * MIB)) as AsyncIterable<Buffer>, stopped), { message: 'stopped' });
});
