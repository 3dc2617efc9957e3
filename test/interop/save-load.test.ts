// Directories that other programs read and write, and archives from a web server that is as bad as they come.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import {
  loadArchive,
  openImage,
  openStore,
  parseReference,
  SealosError,
  type Store,
  saveArchive,
  saveDirectory,
  unpackImage,
} from '@sealos/image';
import { openUrl } from '../../packages/image/src/archive-url.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { file, makeImage, variedEntries, withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { assertSameTree } from '../support/trees.ts';

before(() => ensureInstalled(['skopeo', 'umoci']));

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const [A, B] = [parseReference('localhost/a:1'), parseReference('localhost/b:1')];

async function withStore(work: (store: Store, directory: string) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    await using store = await openStore(join(directory, 'store'));
    await makeImage(store, { name: 'localhost/a:1', layers: [variedEntries(), [file('second', 'x'.repeat(2_000_000))]] });
    await makeImage(store, { name: 'localhost/b:1', layers: [variedEntries(), [file('third', 'gzip')]], compression: 'gzip' });
    await work(store, directory);
  });
}

const refused = (code: string, says: RegExp) => (error: unknown) =>
  error instanceof SealosError && error.code === code && error.exitCode === 2 && says.test(error.message);

test('oci-dir is a layout that skopeo copies from and umoci unpacks, compressed as it was or not at all, and is loaded again', () =>
  withStore(async (store, directory) => {
    const tree = join(directory, 'tree');
    await unpackImage(store, await openImage(store, A), tree);
    for (const uncompressed of [false, true]) {
      const path = join(directory, `layout-${uncompressed}`);
      await saveDirectory(store, [A, B], path, { format: 'oci-dir', platform: 'all', uncompressed });
      await run('skopeo', ['copy', '--quiet', `oci:${path}:localhost/a:1`, `dir:${path}-copy`]);
      const { layers } = JSON.parse(await run('skopeo', ['inspect', '--raw', `oci:${path}:localhost/a:1`]));
      const type = `application/vnd.oci.image.layer.v1.tar${uncompressed ? '' : '+zstd'}`;
      assert.deepEqual(
        layers.map(({ mediaType }: { readonly mediaType: string }) => mediaType),
        [type, type],
      );
      await using other = await openStore(join(directory, `other-${uncompressed}`));
      assert.equal((await loadArchive(other, path)).length, 2);
      assert.equal((await other.resolve(A)).digest === (await store.resolve(A)).digest, !uncompressed);
      await unpackImage(other, await openImage(other, A), join(directory, `tree-${uncompressed}`));
      await assertSameTree(join(directory, `tree-${uncompressed}`), tree);
    }
    await run('skopeo', ['copy', '--quiet', `oci:${join(directory, 'layout-true')}:localhost/a:1`, `oci:${join(directory, 'short')}:a`]);
    await run('umoci', ['unpack', '--image', `${join(directory, 'short')}:a`, join(directory, 'bundle')]);
    await assertSameTree(join(directory, 'bundle', 'rootfs'), tree);
    await assert.rejects(saveDirectory(store, [A], tree, { format: 'oci-dir' }), refused('not-empty', /is not empty/));
    const absent = { format: 'oci-dir' } as const;
    await assert.rejects(saveDirectory(store, [parseReference('localhost/absent:1')], join(directory, 'absent'), absent));
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.includes('absent')),
      [],
    );
  }));

test("docker-dir is skopeo's dir: with Docker's manifest, also of zstd layers; dir: of skopeo is loaded", () =>
  withStore(async (store, directory) => {
    for (const compress of [false, true]) {
      const path = join(directory, `docker-${compress}`);
      mkdirSync(path);
      await saveDirectory(store, [A], path, { format: 'docker-dir', compress });
      const inspected = JSON.parse(await run('skopeo', ['inspect', '--raw', `dir:${path}`]));
      assert.equal(inspected.mediaType, 'application/vnd.docker.distribution.manifest.v2+json');
      const type = `application/vnd.docker.image.rootfs.diff.tar${compress ? '.gzip' : ''}`;
      assert.deepEqual(
        inspected.layers.map(({ mediaType }: { readonly mediaType: string }) => mediaType),
        [type, type],
      );
      // It verifies every blob.
      await run('skopeo', ['copy', '--quiet', `dir:${path}`, `docker-archive:${path}.tar:localhost/a:1`]);
      await using other = await openStore(join(directory, `other-${compress}`));
      await assert.rejects(loadArchive(other, path), refused('image-unnamed', /name/));
      await loadArchive(other, path, { name: A });
      const [ours, theirs] = [await openImage(store, A), await openImage(other, A)];
      assert.deepEqual(theirs.config, ours.config);
    }
    const copied = join(directory, 'copied');
    await run('skopeo', ['copy', '--quiet', `oci:${store.path}:localhost/b:1`, `dir:${copied}`]);
    await using other = await openStore(join(directory, 'copied-store'));
    await loadArchive(other, copied, { name: B });
    assert.deepEqual((await openImage(other, B)).layers, (await openImage(store, B)).layers);
    const [blob] = (await openImage(store, B)).layers;
    writeFileSync(join(copied, blob?.digest.slice('sha256:'.length) ?? ''), 'something else');
    await assert.rejects(loadArchive(other, copied, { name: A }), (error) => error instanceof SealosError && error.exitCode === 2);
    await assert.rejects(
      saveDirectory(store, [A, B], join(directory, 'two'), { format: 'docker-dir' }),
      refused('many-images', /one image/),
    );
    assert.equal(existsSync(join(directory, 'two')), false);
  }));

type Answer = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function withServer(answer: Answer, work: (url: string, requests: readonly IncomingMessage[]) => Promise<void>): Promise<void> {
  const requests: IncomingMessage[] = [];
  const server: Server = createServer((request, response) => answer(request, response, requests.push(request)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  try {
    await work(`http://127.0.0.1:${address.port}/images/a.tar?token=of-this-test`, requests);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const quick = { attempts: 4, delay: 1, longestDelay: 1, patience: 1 };

async function bytesOf(url: string, limit?: number): Promise<Buffer> {
  await using content = await openUrl(url, { retry: quick, ...(limit === undefined ? {} : { limit }) });
  const chunks: Buffer[] = [];
  for await (const chunk of content.stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

const offsetOf = ({ headers }: IncomingMessage) => Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0);

/** Sends a range, or all, and breaks off after some bytes while `breaks` says so. */
function serve(bytes: Buffer, breaks: (count: number) => boolean, headers: Record<string, string> = { etag: '"one"' }): Answer {
  return (request, response, count) => {
    const start = offsetOf(request);
    const range = start === 0 ? {} : { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(start === 0 ? 200 : 206, { 'content-length': bytes.length - start, ...range, ...headers });
    if (!breaks(count)) return response.end(bytes.subarray(start));
    const part = bytes.subarray(start, start + Math.ceil(bytes.length / 3));
    response.write(part, () => response.destroy());
  };
}

test('an archive is loaded from a URL of which the connection breaks again and again, from where it broke', () =>
  withStore(async (store, directory) => {
    const path = join(directory, 'a.tar');
    await saveArchive(store, [A], path, { platform: 'all' });
    const bytes = readFileSync(path);
    await withServer(
      serve(bytes, (count) => count < 3),
      async (url, requests) => {
        const environment = { SEALOS_STORAGE: join(directory, 'loaded'), HOME: directory, no_proxy: '127.0.0.1' };
        assert.equal(await run(sealos, ['load', '-q', '-i', url], environment), 'localhost/a:1\n');
        await using loaded = await openStore(environment.SEALOS_STORAGE);
        assert.equal((await loaded.resolve(A)).digest, (await store.resolve(A)).digest);
        assert.deepEqual(
          requests.map(offsetOf).map((offset) => offset > 0),
          [false, true, true],
        );
        assert.equal(requests[1]?.headers['if-range'], '"one"');
      },
    );
  }));

test('whatever a server does, the bytes are those of one file, or there is an error that shows no secret of the URL', async () => {
  const bytes = Buffer.alloc(3_000_000, 'abc');
  const failed = (says: RegExp) => (error: unknown) =>
    error instanceof SealosError && says.test(error.message) && !/token|of-this-test/.test(error.message + error.hint);
  const whole = (answer: Answer) => withServer(answer, async (url) => assert.ok((await bytesOf(url)).equals(bytes)));
  const fails = (answer: Answer, says: RegExp, limit?: number) =>
    withServer(answer, async (url) => assert.rejects(bytesOf(url, limit), failed(says)));
  const all = (response: ServerResponse, headers = {}) =>
    response.writeHead(200, { 'content-length': bytes.length, etag: '"one"', ...headers });

  // No ranges: it is begun anew, and what is known already is passed over.
  await whole((_, response, count) => {
    all(response);
    if (count < 3) response.write(bytes.subarray(0, count * 1_000_000), () => response.destroy());
    else response.end(bytes);
  });
  await whole((request, response, count) =>
    count < 3 ? response.writeHead(503).end() : serve(bytes, () => false)(request, response, count),
  );
  const withoutLength: Answer = (_, response) => {
    response.write(bytes.subarray(0, 10));
    response.end(bytes.subarray(10));
  };
  await whole(withoutLength);
  await fails((_, response) => response.writeHead(404).end(), /there is no http:\/\/127\.0\.0\.1:\d+\/images\/a\.tar \(status 404\)/);
  await fails((_, response) => response.writeHead(403).end(), /status 403/);
  await fails((_, response) => response.writeHead(503).end(), /status 503/);
  await fails(
    serve(bytes, () => false),
    /it has 3000000 bytes, at most 1000000 are read/,
    1_000_000,
  );
  await fails(withoutLength, /more than 1000000 bytes/, 1_000_000);
  // It promises more than it has.
  await fails((_, response) => {
    response.writeHead(200, { 'content-length': bytes.length + 1, etag: '"one"' });
    response.write(bytes, () => response.destroy());
  }, /broke after 3000000 of 3000001 bytes/);
  // Another file by the time it goes on.
  for (const headers of [{ etag: '"two"' }, { 'content-length': bytes.length + 1 }]) {
    await fails((_, response, count) => {
      all(response, count > 1 ? headers : {});
      response.write(bytes.subarray(0, 1_000_000), () => response.destroy());
    }, /it changed on the way/);
  }
});
