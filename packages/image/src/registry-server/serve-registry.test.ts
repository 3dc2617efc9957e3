// The endpoints and statuses of distribution-spec 1.1, over a directory and over memory.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { digestOf } from '../digest.ts';
import { OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../media-types.ts';
import { openDiskFiles } from './disk-files.ts';
import type { RegistryFiles } from './files.ts';
import { memoryFiles } from './memory-files.ts';
import { type RegistryServer, serveRegistry } from './serve-registry.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-registry-server-'));
after(() => rmSync(work, { recursive: true, force: true }));

const directory = join(work, 'content');
const NOBODY = `sha256:${'0'.repeat(64)}`;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

for (const [kind, open] of [
  ['a directory', () => openDiskFiles(directory)],
  ['memory', async () => memoryFiles()],
] as const satisfies readonly (readonly [string, () => Promise<RegistryFiles>])[]) {
  describe(`a registry over ${kind}`, () => {
    let server: RegistryServer;
    before(async () => {
      server = await serveRegistry({ files: await open(), host: '127.0.0.1', port: 0 });
    });
    after(() => server[Symbol.asyncDispose]());

    const send = async (method: string, path: string, init: RequestInit = {}): Promise<Reply> => {
      const response = await fetch(path.startsWith('http') ? path : `http://${server.address}${path}`, { method, ...init });
      return { status: response.status, headers: response.headers, text: await response.text() };
    };
    const refused = async (reply: Promise<Reply> | Reply, status: number, code: string): Promise<Reply> => {
      const got = await reply;
      assert.deepEqual([got.status, JSON.parse(got.text).errors[0].code], [status, code]);
      return got;
    };
    const locationOf = (reply: Reply) => `http://${server.address}${reply.headers.get('location')}`;
    const begin = async (repository: string) => {
      const begun = await send('POST', `/v2/${repository}/blobs/uploads/`);
      assert.equal(begun.status, 202);
      assert.equal(begun.headers.get('range'), '0-0');
      return locationOf(begun);
    };
    const putBlob = async (repository: string, text: string) => {
      const digest = digestOf(text);
      const put = await send('PUT', `${await begin(repository)}?digest=${digest}`, { body: text });
      assert.equal(put.status, 201);
      return { mediaType: OCI_LAYER, digest, size: Buffer.byteLength(text) };
    };
    const manifestOf = async (repository: string, text: string, more: object = {}) => {
      const config = { ...(await putBlob(repository, '{}')), mediaType: OCI_CONFIG };
      const layers = [await putBlob(repository, text)];
      const body = JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, config, layers, ...more });
      return { body, digest: digestOf(body), descriptor: { mediaType: OCI_MANIFEST, digest: digestOf(body), size: body.length } };
    };
    const putManifest = (repository: string, name: string, body: string, mediaType = OCI_MANIFEST) =>
      send('PUT', `/v2/${repository}/manifests/${name}`, { body, headers: { 'content-type': mediaType } });
    const push = async (repository: string, tag: string, text: string, more: object = {}) => {
      const made = await manifestOf(repository, text, more);
      assert.equal((await putManifest(repository, tag, made.body)).status, 201);
      return made;
    };

    test('/v2/ says that it is a registry', async () => {
      const reply = await send('GET', '/v2/');
      assert.equal(reply.status, 200);
      assert.equal(reply.headers.get('docker-distribution-api-version'), 'registry/2.0');
    });

    test('a blob is pushed whole by POST and PUT, and by one POST', async () => {
      const { digest } = await putBlob('push/whole', 'some content');
      const get = await send('GET', `/v2/push/whole/blobs/${digest}`);
      assert.deepEqual([get.status, get.text, get.headers.get('docker-content-digest')], [200, 'some content', digest]);
      const other = digestOf('one request');
      const post = await send('POST', `/v2/push/whole/blobs/uploads/?digest=${other}`, { body: 'one request' });
      assert.deepEqual([post.status, post.headers.get('location')], [201, `/v2/push/whole/blobs/${other}`]);
      const head = await send('HEAD', `/v2/push/whole/blobs/${other}`);
      assert.deepEqual([head.status, head.headers.get('content-length')], [200, '11']);
    });

    test('a blob is pushed in pieces; a piece out of order is refused and the upload goes on', async () => {
      const location = await begin('push/pieces');
      const piece = (body: string, range: string) => send('PATCH', location, { body, headers: { 'content-range': range } });
      const first = await piece('01234', '0-4');
      assert.deepEqual([first.status, first.headers.get('range')], [202, '0-4']);
      const early = await refused(piece('xyz', '7-9'), 416, 'BLOB_UPLOAD_INVALID');
      assert.equal(early.headers.get('range'), '0-4');
      await refused(piece('01234', '0-4'), 416, 'BLOB_UPLOAD_INVALID');
      await refused(piece('567', '5-11'), 400, 'SIZE_INVALID');
      await refused(piece('567', 'all of it'), 416, 'BLOB_UPLOAD_INVALID');
      const asked = await send('GET', location);
      assert.deepEqual([asked.status, asked.headers.get('range')], [204, '0-4']);
      assert.equal((await piece('56', '5-6')).status, 202);
      const digest = digestOf('0123456789');
      const put = await send('PUT', `${location}?digest=${digest}`, { body: '789', headers: { 'content-range': '7-9' } });
      assert.equal(put.status, 201);
      assert.equal((await send('GET', `/v2/push/pieces/blobs/${digest}`)).text, '0123456789');
      await refused(send('GET', location), 404, 'BLOB_UPLOAD_UNKNOWN');
    });

    test('a body longer than its Content-Range is refused at that point', async () => {
      const location = await begin('push/long');
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from('0123456789'));
          controller.close();
        },
      });
      const reply = send('PATCH', location, { body, headers: { 'content-range': '0-4' }, duplex: 'half' });
      await refused(reply, 400, 'SIZE_INVALID');
      assert.equal((await send('GET', location)).headers.get('range'), '0-0');
    });

    test('content that is not what its digest says is never there', async () => {
      const digest = digestOf('right');
      const location = await begin('push/wrong');
      await refused(send('PUT', `${location}?digest=${digest}`, { body: 'wrong' }), 400, 'DIGEST_INVALID');
      await refused(send('PUT', `${location}?digest=${digest}`, { body: 'right' }), 404, 'BLOB_UPLOAD_UNKNOWN');
      for (const wrong of ['', 'sha256:12', `sha512:${'a'.repeat(128)}`, '../../etc/passwd']) {
        await refused(
          send('PUT', `${await begin('push/wrong')}?digest=${encodeURIComponent(wrong)}`, { body: 'x' }),
          400,
          'DIGEST_INVALID',
        );
      }
      await refused(send('POST', `/v2/push/wrong/blobs/uploads/?digest=${digest}`, { body: 'wrong' }), 400, 'DIGEST_INVALID');
      assert.equal((await send('HEAD', `/v2/push/wrong/blobs/${digest}`)).status, 404);
      await refused(send('GET', `/v2/push/wrong/blobs/${digestOf('wrong')}`), 404, 'BLOB_UNKNOWN');
    });

    test('an upload can be given up, belongs to its repository, and an empty blob is one', async () => {
      const location = await begin('push/given-up');
      await refused(send('GET', location.replace('given-up', 'other')), 404, 'BLOB_UPLOAD_UNKNOWN');
      assert.equal((await send('DELETE', location)).status, 204);
      await refused(send('PATCH', location, { body: 'x' }), 404, 'BLOB_UPLOAD_UNKNOWN');
      const { digest } = await putBlob('push/given-up', '');
      const get = await send('GET', `/v2/push/given-up/blobs/${digest}`);
      assert.deepEqual([get.status, get.text, get.headers.get('content-length')], [200, '', '0']);
    });

    test('parts of a blob are served, and what it does not have is not', async () => {
      const { digest } = await putBlob('ranges', '0123456789');
      const part = (range: string) => send('GET', `/v2/ranges/blobs/${digest}`, { headers: { range } });
      for (const [range, text, answered] of [
        ['bytes=2-4', '234', 'bytes 2-4/10'],
        ['bytes=7-', '789', 'bytes 7-9/10'],
        ['bytes=-2', '89', 'bytes 8-9/10'],
        ['bytes=8-99', '89', 'bytes 8-9/10'],
      ] as const) {
        const reply = await part(range);
        assert.deepEqual([reply.status, reply.text, reply.headers.get('content-range')], [206, text, answered]);
      }
      for (const whole of ['bytes=0-1,3-4', 'lines=1-2', 'bytes=4-2', 'bytes=-']) {
        const reply = await part(whole);
        assert.deepEqual([reply.status, reply.text], [200, '0123456789'], whole);
      }
      for (const outside of ['bytes=10-', 'bytes=-0', 'bytes=99999999999999-']) {
        const reply = await part(outside);
        assert.deepEqual([reply.status, reply.headers.get('content-range')], [416, 'bytes */10'], outside);
      }
      const same = await send('GET', `/v2/ranges/blobs/${digest}`, { headers: { 'if-none-match': `"${digest}"` } });
      assert.equal(same.status, 304);
    });

    test('a blob is taken over from a repository that has it, and from no other', async () => {
      const { digest } = await putBlob('mount/here', 'to be mounted');
      const mounted = await send('POST', `/v2/mount/there/blobs/uploads/?mount=${digest}&from=mount/here`);
      assert.deepEqual([mounted.status, mounted.headers.get('docker-content-digest')], [201, digest]);
      assert.equal((await send('GET', `/v2/mount/there/blobs/${digest}`)).text, 'to be mounted');
      for (const from of ['mount/nowhere', '../mount/here', '']) {
        const other = await send('POST', `/v2/mount/third/blobs/uploads/?mount=${digest}&from=${from}`);
        assert.equal(other.status, 202, from);
      }
      assert.equal((await send('HEAD', `/v2/mount/third/blobs/${digest}`)).status, 404);
      await refused(send('POST', '/v2/mount/there/blobs/uploads/?mount=x&from=mount/here'), 400, 'DIGEST_INVALID');
    });

    test('a manifest is found by tag and by digest, as it was pushed', async () => {
      const { body, digest } = await push('team/app', '1.0', 'layer');
      for (const name of ['1.0', digest, digest.replace(':', '%3A')]) {
        const reply = await send('GET', `/v2/team/app/manifests/${name}`, { headers: { accept: 'application/json' } });
        assert.deepEqual([reply.status, reply.text], [200, body]);
        assert.equal(reply.headers.get('content-type'), OCI_MANIFEST);
        assert.equal(reply.headers.get('docker-content-digest'), digest);
        const head = await send('HEAD', `/v2/team/app/manifests/${name}`);
        assert.deepEqual([head.status, head.headers.get('content-length'), head.text], [200, String(body.length), '']);
      }
      await refused(send('GET', '/v2/team/app/manifests/2.0'), 404, 'MANIFEST_UNKNOWN');
      await refused(send('GET', `/v2/team/app/manifests/${NOBODY}`), 404, 'MANIFEST_UNKNOWN');
      await refused(send('GET', `/v2/team/other/manifests/${digest}`), 404, 'MANIFEST_UNKNOWN');
      assert.equal((await send('HEAD', '/v2/team/app/manifests/2.0')).status, 404);
    });

    test('a manifest that is none, too big, another one, or of missing parts is refused', async () => {
      const { body, digest } = await manifestOf('team/bad', 'layer');
      const put = (text: string, type?: string) => putManifest('team/bad', '1', text, type);
      await refused(put('{'), 400, 'MANIFEST_INVALID');
      await refused(put('[]'), 400, 'MANIFEST_INVALID');
      await refused(put('{"schemaVersion":1}', 'application/vnd.docker.distribution.manifest.v1+json'), 400, 'MANIFEST_INVALID');
      await refused(put(body, OCI_INDEX), 400, 'MANIFEST_INVALID');
      await refused(put(JSON.stringify({ ...JSON.parse(body), manifests: [] })), 400, 'MANIFEST_INVALID');
      await refused(putManifest('team/bad', NOBODY, body), 400, 'DIGEST_INVALID');
      await refused(putManifest('team/elsewhere', '1', body), 404, 'MANIFEST_BLOB_UNKNOWN');
      const big = `${JSON.stringify({ ...JSON.parse(body), annotations: { big: 'x'.repeat(4 * 1024 * 1024) } })}`;
      await refused(put(big), 413, 'SIZE_INVALID');
      // Without a length beforehand; the answer is seen although all of it is sent.
      const unannounced = `${(5 * 1024 * 1024).toString(16)}\r\n${' '.repeat(5 * 1024 * 1024)}\r\n0\r\n\r\n`;
      const head = 'PUT /v2/team/bad/manifests/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n';
      assert.match(await rawRequest(server.port, head + unannounced), /^HTTP\/1\.1 413 /);
      await refused(send('GET', `/v2/team/bad/manifests/${digest}`), 404, 'MANIFEST_UNKNOWN');
      await refused(send('GET', '/v2/team/bad/manifests/1'), 404, 'MANIFEST_UNKNOWN');
    });

    test('an index may list what is not there, and layers of elsewhere need not be', async () => {
      const { descriptor } = await push('team/list', 'amd64', 'layer');
      const missing = { ...descriptor, digest: NOBODY };
      const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [descriptor, missing] });
      assert.equal((await putManifest('team/list', 'all', index, OCI_INDEX)).status, 201);
      assert.equal((await send('GET', '/v2/team/list/manifests/all')).headers.get('content-type'), OCI_INDEX);
      const foreign = { mediaType: OCI_LAYER, digest: NOBODY, size: 1, urls: ['https://example.org/layer'] };
      await push('team/list', 'foreign', 'x', { layers: [foreign] });
    });

    test('tags and repositories are listed in pages', async () => {
      for (const tag of ['b', 'a', 'C', 'latest']) await push('listed/tags', tag, 'x');
      const list = async (query: string) => {
        const reply = await send('GET', `/v2/listed/tags/tags/list${query}`);
        return { tags: JSON.parse(reply.text).tags, next: /<([^>]+)>; rel="next"/.exec(reply.headers.get('link') ?? '')?.[1] };
      };
      assert.deepEqual(await list(''), { tags: ['C', 'a', 'b', 'latest'], next: undefined });
      const first = await list('?n=3');
      assert.deepEqual(first.tags, ['C', 'a', 'b']);
      const rest = JSON.parse((await send('GET', first.next ?? '')).text);
      assert.deepEqual(rest, { name: 'listed/tags', tags: ['latest'] });
      assert.deepEqual(await list('?n=0'), { tags: [], next: undefined });
      assert.deepEqual((await list('?last=b')).tags, ['latest']);
      await refused(send('GET', '/v2/listed/tags/tags/list?n=-1'), 400, 'PAGINATION_NUMBER_INVALID');
      await refused(send('GET', '/v2/listed/nothing/tags/list'), 404, 'NAME_UNKNOWN');

      await push('listed/tags/below', '1', 'x');
      const all: string[] = [];
      for (let path: string | undefined = '/v2/_catalog?n=2'; path !== undefined; ) {
        const reply = await send('GET', path);
        all.push(...JSON.parse(reply.text).repositories);
        path = /<([^>]+)>/.exec(reply.headers.get('link') ?? '')?.[1];
      }
      assert.deepEqual(all, all.toSorted());
      assert.equal(new Set(all).size, all.length);
      for (const name of ['listed/tags', 'listed/tags/below']) assert.ok(all.includes(name), name);
    });

    test('a tag is deleted alone, a manifest with all its tags, a blob out of its repository', async () => {
      const first = await push('deleted', '1', 'one');
      await push('deleted', '2', 'one');
      await push('deleted', '3', 'three');
      const remove = (path: string) => send('DELETE', `/v2/deleted/${path}`);
      assert.equal((await remove('manifests/1')).status, 202);
      await refused(remove('manifests/1'), 404, 'MANIFEST_UNKNOWN');
      assert.equal((await send('HEAD', `/v2/deleted/manifests/${first.digest}`)).status, 200);
      assert.equal((await remove(`manifests/${first.digest}`)).status, 202);
      await refused(remove(`manifests/${first.digest}`), 404, 'MANIFEST_UNKNOWN');
      assert.deepEqual(JSON.parse((await send('GET', '/v2/deleted/tags/list')).text).tags, ['3']);
      const blob = digestOf('one');
      assert.equal((await remove(`blobs/${blob}`)).status, 202);
      await refused(remove(`blobs/${blob}`), 404, 'BLOB_UNKNOWN');
      await refused(send('GET', `/v2/deleted/blobs/${blob}`), 404, 'BLOB_UNKNOWN');
    });

    test('what refers to a manifest is listed, also before the manifest is there', async () => {
      const subject = await manifestOf('signed', 'image');
      const list = async (query = '') => {
        const reply = await send('GET', `/v2/signed/referrers/${subject.digest}${query}`);
        assert.deepEqual([reply.status, reply.headers.get('content-type')], [200, OCI_INDEX]);
        return { reply, manifests: JSON.parse(reply.text).manifests };
      };
      assert.deepEqual((await list()).manifests, []);
      const annotations = { by: 'me' };
      const signature = await manifestOf('signed', 'signature', { subject: subject.descriptor, artifactType: 'x/signature', annotations });
      const put = await putManifest('signed', signature.digest, signature.body);
      assert.deepEqual([put.status, put.headers.get('oci-subject')], [201, subject.digest]);
      const plain = await manifestOf('signed', 'plain', { subject: subject.descriptor });
      assert.equal((await putManifest('signed', plain.digest, plain.body)).status, 201);
      assert.deepEqual(
        (await list()).manifests.map((entry: { digest: string }) => entry.digest),
        [signature.digest, plain.digest].sort(),
      );
      const { reply, manifests } = await list('?artifactType=x/signature');
      assert.deepEqual(manifests, [{ ...signature.descriptor, artifactType: 'x/signature', annotations }]);
      assert.equal(reply.headers.get('oci-filters-applied'), 'artifactType');
      const byConfig = await list(`?artifactType=${encodeURIComponent(OCI_CONFIG)}`);
      assert.deepEqual(byConfig.manifests, [{ ...plain.descriptor, artifactType: OCI_CONFIG }]);
      await send('DELETE', `/v2/signed/manifests/${plain.digest}`);
      assert.equal((await list()).manifests.length, 1);
      await refused(send('GET', '/v2/signed/referrers/latest'), 400, 'DIGEST_INVALID');
    });

    test('names that are none never become paths', async () => {
      for (const name of [
        '..',
        '../..',
        'a/../b',
        '%2e%2e/%2e%2e/etc',
        '..%2f..%2fetc',
        'A',
        'a//b',
        '_layers',
        'a/_manifests',
        'a'.repeat(256),
        'a%00b',
        '%',
      ]) {
        const raw = await rawRequest(server.port, `GET /v2/${name}/manifests/latest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assert.match(raw, /^HTTP\/1\.1 (400|404) /, name);
        assert.match(raw, /"code":"(NAME_INVALID|NOT_FOUND)"/, name);
      }
      for (const reference of ['..', '%2e%2e%2f', '-x', 'a'.repeat(129), 'sha256:..', 'sha256:%2e%2e/x']) {
        const raw = await rawRequest(server.port, `GET /v2/app/manifests/${reference} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
        assert.match(raw, /^HTTP\/1\.1 (400|404) /, reference);
      }
      await refused(send('GET', '/v2/app/blobs/sha256:%2e%2e'), 400, 'DIGEST_INVALID');
      await refused(send('GET', '/'), 404, 'NOT_FOUND');
    });

    test('methods that a path does not have are refused, and it says which it has', async () => {
      const reply = await refused(send('POST', '/v2/app/manifests/1', { body: 'x' }), 405, 'UNSUPPORTED');
      assert.equal(reply.headers.get('allow'), 'GET, HEAD, PUT, DELETE');
      await refused(send('DELETE', '/v2/_catalog'), 405, 'UNSUPPORTED');
      await refused(send('PUT', '/v2/app/blobs/uploads/', { body: 'x' }), 405, 'UNSUPPORTED');
    });

    test('many pushes at once of the same and of different contents all arrive', async () => {
      const texts = Array.from({ length: 24 }, (_, index) => `content ${index % 6} ${'x'.repeat(100_000)}`);
      await Promise.all(texts.map((text, index) => push(`crowd/app-${index % 4}`, `t${index}`, text)));
      for (const [index, text] of texts.entries()) {
        const repository = `crowd/app-${index % 4}`;
        const { layers } = JSON.parse((await send('GET', `/v2/${repository}/manifests/t${index}`)).text);
        assert.equal((await send('GET', `/v2/${repository}/blobs/${layers[0].digest}`)).text, text);
      }
    });

    test('an upload whose connection broke goes on where it was', async () => {
      const location = await begin('push/broken');
      const path = new URL(location).pathname;
      const socket = connect(server.port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`PATCH ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n01234`);
      const late = Date.now() + 20_000;
      while ((await send('GET', location)).headers.get('range') !== '0-4') assert.ok(Date.now() < late, 'the first bytes arrive');
      // Its connection still stands: whoever goes on is right.
      const next = await send('PATCH', location, { body: '56789', headers: { 'content-range': '5-9' } });
      assert.deepEqual([next.status, next.headers.get('range')], [202, '0-9']);
      await once(socket, 'close');
      assert.equal((await send('PUT', `${location}?digest=${digestOf('0123456789')}`)).status, 201);
    });
  });
}

/** What a server answers, up to the end of a document of errors. */
function rawRequest(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let answer = '';
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      answer += chunk;
      if (answer.endsWith(']}\n')) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
