// What a registry leaves behind, and one that takes nothing.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { withDirectory } from '../../../../test/support/images.ts';
import { digestOf } from '../digest.ts';
import { openDiskFiles } from './disk-files.ts';
import { memoryFiles } from './memory-files.ts';
import { serveRegistry } from './serve-registry.ts';

test('a registry that is closed leaves nothing unfinished, and what it took is there for the next', () =>
  withDirectory(async (directory) => {
    const path = join(directory, 'content');
    const digest = digestOf('kept');
    {
      await using server = await serveRegistry({ files: await openDiskFiles(path), host: '127.0.0.1', port: 0 });
      await fetch(`http://${server.address}/v2/app/blobs/uploads/?digest=${digest}`, { method: 'POST', body: 'kept' });
      const begun = await fetch(`http://${server.address}/v2/app/blobs/uploads/`, { method: 'POST' });
      await fetch(`http://${server.address}${begun.headers.get('location')}`, { method: 'PATCH', body: 'unfinished' });
      assert.equal(readdirSync(path).length, 2);
    }
    assert.deepEqual(readdirSync(path), ['docker']);
    await using server = await serveRegistry({ files: await openDiskFiles(path), host: '127.0.0.1', port: 0 });
    assert.equal(await (await fetch(`http://${server.address}/v2/app/blobs/${digest}`)).text(), 'kept');
  }));

test('a read-only registry serves and takes nothing', async () => {
  await using server = await serveRegistry({ files: memoryFiles(), host: '127.0.0.1', port: 0, readOnly: true });
  for (const [method, path] of [
    ['POST', '/v2/app/blobs/uploads/'],
    ['PUT', '/v2/app/manifests/1'],
    ['DELETE', '/v2/app/manifests/1'],
  ] as const) {
    const reply = await fetch(`http://${server.address}${path}`, { method });
    assert.equal(reply.status, 405);
  }
  assert.equal((await fetch(`http://${server.address}/v2/_catalog`)).status, 200);
});
