// A registry on loopback that is honest where a test does not say otherwise.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { OCI_MANIFEST } from '../../packages/image/src/index.ts';
import type { MadeParts } from './hostile-images.ts';

export interface HostileRegistry extends AsyncDisposable {
  readonly address: string;
  /** Methods, paths and login headers of all requests. */
  readonly seen: readonly { readonly method: string; readonly path: string; readonly authorization: string | undefined }[];
}

/** Answers a request its own way; returns false to leave it to the honest one. */
export type Misbehaviour = (path: string, response: ServerResponse, request: IncomingMessage) => boolean | undefined;

export async function startHostileRegistry(parts: MadeParts, misbehave: Misbehaviour = () => false): Promise<HostileRegistry> {
  const seen: { method: string; path: string; authorization: string | undefined }[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    seen.push({ method: request.method ?? '', path, authorization: request.headers.authorization });
    response.on('error', () => {});
    if (misbehave(path, response, request) !== true) answer(parts, path, request, response);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('clientError', (_error, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    seen,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function answer(parts: MadeParts, path: string, request: IncomingMessage, response: ServerResponse): void {
  const send = (bytes: Buffer, headers: Readonly<Record<string, string>>): void => {
    response.writeHead(200, { 'content-length': String(bytes.length), ...headers });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  };
  if (path === '/v2/') {
    send(Buffer.from('{}'), { 'docker-distribution-api-version': 'registry/2.0' });
    return;
  }
  const name = /\/manifests\/(.+)$/.exec(path)?.[1];
  const digest = name?.startsWith('sha256:')
    ? name
    : name === undefined
      ? /\/blobs\/(sha256:[0-9a-f]{64})$/.exec(path)?.[1]
      : parts.manifestDescriptor.digest;
  const bytes = digest === undefined ? undefined : parts.blobs.get(digest);
  if (bytes === undefined || digest === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
    return;
  }
  const type = name === undefined ? 'application/octet-stream' : parts.manifestDescriptor.mediaType || OCI_MANIFEST;
  send(bytes, { 'content-type': type, 'docker-content-digest': digest });
}

/** Writes zeros until the other side goes, or `limit` bytes; counts them. */
export function endless(response: ServerResponse, limit = 8 * 1024 ** 3): { readonly sent: () => number } {
  const block = Buffer.alloc(256 * 1024, 0x20);
  let sent = 0;
  const more = (): void => {
    while (!response.destroyed && sent < limit) {
      sent += block.length;
      if (!response.write(block)) {
        response.once('drain', more);
        return;
      }
    }
  };
  more();
  return { sent: () => sent };
}
