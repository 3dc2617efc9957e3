import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fetchUrl, isGit, isUrl } from './fetch-url.ts';

let work = '';
before(async () => {
  work = await mkdtemp(join(tmpdir(), 'sealos-fetch-'));
});
after(() => rm(work, { recursive: true, force: true }));

async function serving<T>(listener: RequestListener, use: (url: string) => Promise<T>): Promise<T> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  try {
    return await use(`http://127.0.0.1:${address.port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const into = () => join(work, 'file');
const content = Buffer.from('content of some length');
const sum = `sha256:${createHash('sha256').update(content).digest('hex')}`;

test('a file is fetched with its name and time, also after answers that pass', async () => {
  let asked = 0;
  const listener: RequestListener = (request, response) => {
    asked++;
    if (asked === 1) response.writeHead(503).end();
    else if (asked === 2) {
      response.writeHead(200, { 'content-length': content.length });
      response.write(content.subarray(0, 5));
      setImmediate(() => request.socket.destroy());
    } else response.writeHead(200, { 'last-modified': 'Wed, 21 Oct 2015 07:28:00 GMT' }).end(content);
  };
  await serving(listener, async (url) => {
    const fetched = await fetchUrl(`${url}/some/name%20x.txt?query=1`, { into: into(), environment: {}, checksum: sum });
    assert.deepEqual(fetched, { name: 'name x.txt', path: into(), identity: sum, mtime: 1_445_412_480 });
    assert.deepEqual(await readFile(into()), content);
  });
  assert.equal(asked, 3);
});

test('what cannot be fetched, or is something else, is said in one line and leaves no file', async () => {
  await rm(into(), { force: true });
  const listener: RequestListener = (request, response) => {
    if (request.url === '/absent') response.writeHead(404).end();
    else response.writeHead(200).end(content);
  };
  await serving(listener, async (url) => {
    const other = `sha256:${'0'.repeat(64)}`;
    const fetching = (path: string, checksum?: string) => fetchUrl(path, { into: into(), environment: {}, checksum });
    await assert.rejects(fetching(`${url}/absent`), { code: 'fetch-failed', message: `${url}/absent cannot be fetched: status 404` });
    await assert.rejects(fetching(`${url}/file`, other), { code: 'checksum-mismatch', message: `${url}/file is ${sum}, not ${other}` });
    await assert.rejects(fetching(`${url}/file`, 'md5:1'), { code: 'bad-checksum', exitCode: 2 });
    await assert.rejects(fetching(`${url}/`), { code: 'bad-url', message: /names no file/ });
    await assert.rejects(fetching('ftp://127.0.0.1/x'), { code: 'bad-url', message: /only http and https/ });
    const secret = new URL(`${url}/absent`);
    secret.password = 'hunter2';
    secret.username = 'me';
    await assert.rejects(fetching(secret.href), (error: Error) => !error.message.includes('hunter2'));
  });
  assert.ok(!existsSync(into()));
});

test('a fetch that is interrupted ends at once', async () => {
  const controller = new AbortController();
  const listener: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': '1000' });
    response.write('x');
    controller.abort();
  };
  await serving(listener, async (url) => {
    await assert.rejects(fetchUrl(`${url}/file`, { into: into(), environment: {}, signal: controller.signal }), { name: 'AbortError' });
  });
  assert.ok(!existsSync(into()));
});

test('URLs, git repositories and paths are told from one another', () => {
  assert.ok(isUrl('https://example.org/x') && isUrl('http://x/y') && !isUrl('x/y') && !isUrl('https'));
  assert.ok(isGit('git@example.org:a/b.git') && isGit('https://example.org/a.git#main') && !isGit('https://example.org/a.tar.gz'));
});
