// What the server behind an ADD may answer: the build ends in one line, and nothing of this machine comes into an image.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildImage } from '../../../packages/image/src/index.ts';
import { refusalOf, withSandbox } from '../../support/hostile-sandbox.ts';

const to = (location: string): RequestListener => {
  return (_request, response) => response.writeHead(302, { location }).end();
};

const cases: readonly { readonly name: string; readonly path?: string; readonly answer: RequestListener; readonly refused: RegExp }[] = [
  { name: 'a redirect to a file', answer: to('file:///etc/passwd'), refused: /cannot be fetched/ },
  { name: 'a redirect to another protocol', answer: to('ftp://127.0.0.1/x'), refused: /cannot be fetched/ },
  { name: 'a redirect to itself', answer: to('/x'), refused: /cannot be fetched/ },
  { name: 'a redirect to nowhere', answer: to('http://['), refused: /cannot be fetched/ },
  {
    name: 'more than a disk holds',
    answer: (_request, response) => response.writeHead(200, { 'content-length': '999999999999999' }).write('x'),
    refused: /has more than 20 GiB/,
  },
  {
    name: 'a name that climbs out',
    path: '/..%2f..%2fpasswd',
    answer: (_request, response) => response.end('x'),
    refused: /names no file/,
  },
  { name: 'a name that deletes', path: '/.wh..wh..opq', answer: (_request, response) => response.end('x'), refused: /names no file/ },
  { name: 'a name with a zero byte', path: '/a%00b', answer: (_request, response) => response.end('x'), refused: /names no file/ },
  { name: 'control characters in what it says', answer: (_request, response) => response.writeHead(404, '\x9b2J').end(), refused: /404/ },
];

for (const { name, path = '/x', answer, refused } of cases) {
  test(`refused: ${name}`, () =>
    withSandbox(async ({ store, input }) => {
      const server = createServer(answer).listen(0, '127.0.0.1');
      await new Promise((resolve) => server.once('listening', resolve));
      const address = server.address();
      assert.ok(address !== null && typeof address === 'object');
      try {
        writeFileSync(join(input, 'Kubefile'), `FROM scratch\nADD http://127.0.0.1:${address.port}${path} /etc/\n`);
        const said = await refusalOf(() => buildImage(store, { context: input, names: ['localhost/added:1'], environment: {} }));
        assert.match(said ?? 'it was built', refused);
        assert.deepEqual(await store.list(), []);
        assert.equal(existsSync(join(input, 'x')), false);
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }));
}
