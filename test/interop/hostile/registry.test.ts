// A registry that lies, never ends, sends elsewhere, or says what a terminal would obey.
import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fixedCredentials, openRegistry, parseReference, pullImage } from '../../../packages/image/src/index.ts';
import { describe, makeParts } from '../../support/hostile-images.ts';
import { endless, type Misbehaviour, startHostileRegistry } from '../../support/hostile-registry.ts';
import { refusalOf, withSandbox } from '../../support/hostile-sandbox.ts';

const parts = makeParts({});
const [layerDigest = ''] = parts.blobs.keys();
const settings = { retry: { attempts: 2, delay: 1 }, timeouts: { headers: 5000, stall: 5000 } };

interface Case {
  readonly name: string;
  readonly misbehave: Misbehaviour;
  /** Why the pull is refused; undefined: it comes through whole. */
  readonly refused?: RegExp;
}

/** What was done in place of an honest answer. */
const did = (..._steps: readonly unknown[]) => true;
const isManifest = (path: string) => path.includes('/manifests/');
const isLayer = (path: string) => path.endsWith(`/blobs/${layerDigest}`);
const head = (response: ServerResponse, status: number, headers: Readonly<Record<string, string>> = {}) => {
  response.writeHead(status, headers);
  response.end();
  return true;
};
const authenticate =
  (realm: string): Misbehaviour =>
  (_path, response) =>
    head(response, 401, { 'www-authenticate': `Bearer realm="${realm}",service="x"` });

const cases: readonly Case[] = [
  {
    name: 'another digest in the header',
    misbehave: (path, response) =>
      isManifest(path) &&
      path.endsWith('/1') &&
      head(response, 200, {
        'content-type': parts.manifestDescriptor.mediaType,
        'docker-content-digest': `sha256:${'0'.repeat(64)}`,
        'content-length': '100',
      }),
    refused: /no such|not found|does not have|unknown|there is no/i,
  },
  {
    name: 'a digest that is a path in the header',
    misbehave: (path, response, { method }) =>
      isManifest(path) &&
      method === 'HEAD' &&
      head(response, 200, {
        'content-type': parts.manifestDescriptor.mediaType,
        'docker-content-digest': 'sha256:../../x',
        'content-length': '100',
      }),
  },
  {
    name: 'a manifest of 10^15 bytes',
    misbehave: (path, response, { method }) =>
      isManifest(path) &&
      method === 'HEAD' &&
      head(response, 200, {
        'content-type': parts.manifestDescriptor.mediaType,
        'docker-content-digest': parts.manifestDescriptor.digest,
        'content-length': '1000000000000000',
      }),
    refused: /at most 4194304/,
  },
  {
    name: 'a manifest without end',
    misbehave: (path, response, { method }) =>
      isManifest(path) &&
      method === 'GET' &&
      did(response.writeHead(200, { 'content-type': parts.manifestDescriptor.mediaType }), endless(response)),
    refused: /more than 4194304 bytes/,
  },
  {
    name: 'a layer without end',
    misbehave: (path, response) => isLayer(path) && did(response.writeHead(200), endless(response)),
    refused: /has more than \d+ bytes|another content/,
  },
  {
    name: 'a layer that is shorter than its length',
    misbehave: (path, response) =>
      isLayer(path) &&
      did(
        response.writeHead(200, { 'content-length': '2048' }),
        response.end('x', () => response.destroy()),
      ),
    refused: /broke the connection/,
  },
  {
    name: 'a layer with another content',
    misbehave: (path, response) => isLayer(path) && did(response.end(Buffer.alloc(2048, 'x'))),
    refused: /another content/,
  },
  {
    name: 'a layer in part, from nowhere',
    misbehave: (path, response) => isLayer(path) && did(response.writeHead(206, { 'content-range': 'bytes 99999-1/0' }), response.end('x')),
    refused: /./,
  },
  {
    name: 'a layer compressed once more on its way',
    misbehave: (path, response) =>
      isLayer(path) && did(response.writeHead(200, { 'content-encoding': 'gzip' }), response.end('x'.repeat(2048))),
    refused: /another content|bytes/,
  },
  {
    name: 'redirections in a circle',
    misbehave: (path, response) => isLayer(path) && head(response, 302, { location: path }),
    refused: /redirects in a circle/,
  },
  {
    name: 'a redirection to a file',
    misbehave: (path, response) => isLayer(path) && head(response, 302, { location: 'file:///etc/passwd' }),
    refused: /redirects to 'file:', which is not HTTP/,
  },
  {
    name: 'a redirection to nowhere',
    misbehave: (path, response) => isLayer(path) && head(response, 302, { location: 'http://[' }),
    refused: /./,
  },
  {
    name: 'headers without end',
    misbehave: (path, response) =>
      isManifest(path) && did(response.socket?.write('HTTP/1.1 200 OK\r\n'), response.socket?.write(`x: ${'y'.repeat(2_000_000)}`)),
    refused: /./,
  },
  {
    name: 'something that is not HTTP',
    misbehave: (path, response) => isManifest(path) && did(response.socket?.end('\x1b[2Jhello\r\n\r\n')),
    refused: /./,
  },
  {
    name: 'a refusal with escape codes',
    misbehave: (path, response) =>
      isManifest(path) &&
      did(
        response.writeHead(403, { 'content-type': 'application/json' }),
        response.end(JSON.stringify({ errors: [{ code: 'DENIED', message: '\x1b]0;owned\x07\nsealos: all is well\u202e' }] })),
      ),
    refused: /403|denied|refuses|owned/i,
  },
  {
    name: 'a refusal without end',
    misbehave: (path, response, { method }) => isManifest(path) && method === 'GET' && did(response.writeHead(403), endless(response)),
    refused: /./,
  },
  {
    name: 'a wait of 30 years',
    misbehave: (path, response) => isManifest(path) && head(response, 429, { 'retry-after': '999999999' }),
    refused: /./,
  },
  { name: 'a login at a file', misbehave: authenticate('file:///etc/passwd'), refused: /token server that is no URL/ },
  { name: 'a login at nothing', misbehave: authenticate('\u00e9:'), refused: /token server that is no URL/ },
  {
    name: 'a challenge of 1 MB',
    misbehave: (_path, response) => head(response, 401, { 'www-authenticate': `Bearer ${'a="b",'.repeat(170_000)}` }),
    refused: /./,
  },
];

for (const { name, misbehave, refused } of cases) {
  test(`${refused === undefined ? 'harmless' : 'refused'} in one line: ${name}`, () =>
    withSandbox(async ({ store }) => {
      await using registry = await startHostileRegistry(parts, misbehave);
      const said = await refusalOf(() => pullImage(store, parseReference(`${registry.address}/hostile:1`), { registry: settings }));
      if (refused === undefined) assert.equal(said, undefined);
      else assert.match(said ?? 'it was pulled', refused);
      assert.equal((await store.list()).length, refused === undefined ? 1 : 0);
    }));
}

/** A server that notes what it is asked. */
async function trap(answer: (path: string, response: ServerResponse) => void) {
  const seen: { readonly path: string; readonly authorization: string | undefined }[] = [];
  const server = createServer(({ url = '', headers }, response) => {
    seen.push({ path: url, authorization: headers.authorization });
    answer(url, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('a login does not follow a redirection to another origin, and what comes from there is held against its digest', () =>
  withSandbox(async ({ store }) => {
    await using thief = await trap((_path, response) => response.end('x'.repeat(2048)));
    await using registry = await startHostileRegistry(parts, (path, response, { headers }) => {
      if (headers.authorization === undefined) return head(response, 401, { 'www-authenticate': 'Basic realm="x"' });
      return isLayer(path) && head(response, 307, { location: `${thief.url}/blob` });
    });
    const credentials = fixedCredentials('somebody', 'secret');
    const said = await refusalOf(() =>
      pullImage(store, parseReference(`${registry.address}/hostile:1`), { registry: { ...settings, credentials } }),
    );
    assert.match(said ?? '', /another content/);
    assert.deepEqual([...new Set(thief.seen.map(({ authorization }) => authorization))], [undefined]);
    assert.doesNotMatch(said ?? '', /secret|c2VjcmV0/);
  }));

const tokens: readonly { readonly name: string; readonly answer: (response: ServerResponse) => void; readonly refused: RegExp }[] = [
  { name: 'a page', answer: (response) => response.end('<html>'), refused: /gave no token/ },
  { name: 'a token without end', answer: (response) => endless(response), refused: /more than 1048576 bytes/ },
  { name: 'a token with a line break', answer: (response) => response.end('{"token":"a\\r\\nx-evil: 1"}'), refused: /./ },
  { name: 'a token that is a number', answer: (response) => response.end('{"token":7}'), refused: /gave no token/ },
  { name: 'a token that is never taken', answer: (response) => response.end('{"token":"x","expires_in":-1e308}'), refused: /./ },
];

for (const { name, answer, refused } of tokens) {
  test(`a token server's answer is refused in one line: ${name}`, () =>
    withSandbox(async ({ store }) => {
      await using server = await trap((_path, response) => answer(response));
      await using registry = await startHostileRegistry(parts, authenticate(`${server.url}/token`));
      const said = await refusalOf(() => pullImage(store, parseReference(`${registry.address}/hostile:1`), { registry: settings }));
      assert.match(said ?? 'it was pulled', refused);
    }));
}

test('layers that name another place to fetch them from are not fetched there', () =>
  withSandbox(async ({ store }) => {
    await using elsewhere = await trap((_path, response) => response.end('x'));
    const foreign = describe(Buffer.from('x'), 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip');
    const made = makeParts({
      manifest: ({ config }) => ({ schemaVersion: 2, config, layers: [{ ...foreign, urls: [`${elsewhere.url}/layer`] }] }),
    });
    await using registry = await startHostileRegistry(made);
    const said = await refusalOf(() => pullImage(store, parseReference(`${registry.address}/hostile:1`), { registry: settings }));
    assert.match(said ?? '', /does not have/);
    assert.deepEqual(elsewhere.seen, []);
  }));

const lists: readonly { readonly name: string; readonly misbehave: Misbehaviour }[] = [
  { name: 'a tag that is a path', misbehave: (_path, response) => did(response.end('{"tags":["1","../../x"]}')) },
  { name: 'a tag with escape codes', misbehave: (_path, response) => did(response.end(JSON.stringify({ tags: ['\x1b[2J'] }))) },
  { name: 'tags that are numbers', misbehave: (_path, response) => did(response.end('{"tags":[1]}')) },
  { name: 'a list without end', misbehave: (_path, response) => did(endless(response)) },
  {
    name: 'pages without end',
    misbehave: (path, response) =>
      did(response.setHeader('link', `<${path}>; rel="next"`), response.end(JSON.stringify({ tags: Array(200_000).fill('aaaaaaaa') }))),
  },
  {
    name: 'a next page elsewhere',
    misbehave: (_path, response) => did(response.setHeader('link', '<file:///etc/passwd>; rel="next"'), response.end('{"tags":["1"]}')),
  },
];

for (const { name, misbehave } of lists) {
  test(`a list of tags is refused in one line: ${name}`, () =>
    withSandbox(async () => {
      await using registry = await startHostileRegistry(
        parts,
        (path, response, request) => path.includes('/tags/') && misbehave(path, response, request),
      );
      await using client = openRegistry(settings);
      const said = await refusalOf(() => client.listTags(parseReference(`${registry.address}/hostile:1`)));
      assert.match(said ?? 'it was listed', /sends a list of tags|sent more than|tag/);
    }));
}

test('none of it took memory', () => {
  const peak = process.resourceUsage().maxRSS / 1024;
  assert.ok(peak < 700, `${Math.round(peak)} MiB`);
});
