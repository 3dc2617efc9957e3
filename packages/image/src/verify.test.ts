import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { digestOf } from './digest.ts';
import type { Descriptor } from './manifest.ts';
import { parseReference } from './reference.ts';
import { readContent, verified } from './verify.ts';

const right: Descriptor = { mediaType: 'm', digest: digestOf('hello'), size: 5 };
const stream = (...chunks: string[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

test('the right bytes pass, however they are cut', async () => {
  assert.equal(await text(verified(stream('he', '', 'llo'), right)), 'hello');
  const nothing = { ...right, digest: digestOf(''), size: 0 };
  assert.equal(await text(verified(Readable.from([]), nothing)), '');
});

test('too short, too long and different are errors', async () => {
  await assert.rejects(text(verified(stream('hell'), right)), { code: 'content-mismatch', message: /4 instead of 5/ });
  await assert.rejects(text(verified(stream('hello', '!'), right)), { code: 'content-mismatch', message: /more than 5/ });
  await assert.rejects(text(verified(stream('jello'), right)), { code: 'content-mismatch', message: /another content/ });
});

test('an endless stream is cut as soon as it is too long', async () => {
  let sent = 0;
  const endless = Readable.from(
    (async function* () {
      for (;;) {
        sent++;
        yield Buffer.from('more');
      }
    })(),
  );
  await assert.rejects(text(verified(endless, right)), { code: 'content-mismatch' });
  assert.ok(sent < 100);
  assert.ok(endless.destroyed);
});

test('an error of the source arrives as it is', async () => {
  const failing = new Readable({ read: (): void => void failing.destroy(new Error('connection lost')) });
  await assert.rejects(text(verified(failing, right)), { message: 'connection lost' });
});

test('content above the limit is not even opened', async () => {
  const source = { resolve: () => Promise.reject(new Error('unused')), fetch: () => Promise.reject(new Error('was opened')) };
  const big = { ...right, size: 5_000_000 };
  await assert.rejects(readContent(source, parseReference('a'), big), { code: 'bad-content', message: /at most/ });
});
