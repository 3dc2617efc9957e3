import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { test } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { isPlainHere } from './plain-greeting.ts';

async function answerOf(server: Server, host = '127.0.0.1'): Promise<boolean> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    return await isPlainHere(new URL(`https://${host}:${(server.address() as AddressInfo).port}/v2/`), undefined);
  } finally {
    server.close();
  }
}

test('a plain HTTP server of this machine is known by its answer to a TLS greeting', async () => {
  assert.equal(await answerOf(createServer()), true);
});

test('whatever else is there is left to the real greeting', async () => {
  assert.equal(await answerOf(createTlsServer()), false);
  assert.equal(await answerOf(createTcpServer((socket) => socket.destroy())), false);
  const silent = createTcpServer(() => {});
  silent.on('connection', (socket) => socket.on('close', () => {}).unref());
  assert.equal(await answerOf(silent), false);
  assert.equal(await isPlainHere(new URL('https://127.0.0.1:1/v2/'), undefined), false);
});

test('another machine is not even asked', async () => {
  assert.equal(await isPlainHere(new URL('https://registry.invalid/v2/'), undefined), false);
});
