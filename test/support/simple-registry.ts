// A registry of the tests' own that takes uploads in pieces alone, at one address each that it tells once, and says no more than it has to.
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface SimpleRegistry extends AsyncDisposable {
  readonly address: string;
  /** What was uploaded whole, by the digest that this registry found out. */
  readonly blobs: ReadonlyMap<string, Buffer>;
}

export async function startSimpleRegistry(): Promise<SimpleRegistry> {
  const blobs = new Map<string, Buffer>();
  const uploads = new Map<string, Buffer>();
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://localhost');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    const answer = (status: number, headers: Record<string, string> = {}) => response.writeHead(status, headers).end();
    if (pathname === '/v2/') return answer(200);
    if (pathname.includes('/manifests/')) return answer(request.method === 'PUT' ? 201 : 404);
    if (request.method === 'HEAD') return answer(blobs.has(pathname.split('/').at(-1) ?? '') ? 200 : 404);
    if (request.method === 'POST') {
      uploads.set(`${pathname}${uploads.size}`, Buffer.alloc(0));
      return answer(202, { location: String(uploads.size - 1) });
    }
    const before = uploads.get(pathname);
    if (before === undefined) return answer(404);
    if (request.method === 'PATCH') {
      uploads.set(pathname, Buffer.concat([before, body]));
      return answer(202);
    }
    if (request.method !== 'PUT' || body.length > 0) return answer(405);
    const digest = `sha256:${createHash('sha256').update(before).digest('hex')}`;
    if (digest !== searchParams.get('digest')) return answer(400);
    blobs.set(digest, before);
    return answer(201);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    blobs,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
