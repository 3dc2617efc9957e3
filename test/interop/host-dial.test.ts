// Connections from a host whose sshd forwards none: a real sshd, and a server on this machine's loopback.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { HostError, openHost, script } from '@sealos/runtime';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { until } from '../support/until.ts';

const never = new AbortController().signal;
let closed: Sshd;
const servers: ReturnType<typeof createServer>[] = [];

const open = () =>
  openHost({
    address: { ip: '127.0.0.1', port: closed.port },
    user: 'root',
    credentials: { keyFile: closed.keyFile },
    knownHosts: closed.knownHosts,
    signal: never,
  });

async function listen(address: string, serve: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: false }, (socket) => {
    socket.on('error', () => {});
    serve(socket);
  });
  servers.push(server);
  server.listen(0, address);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

before(async () => {
  closed = await startSshd(['AllowTcpForwarding no']);
});

after(async () => {
  for (const server of servers) server.close();
  await closed[Symbol.asyncDispose]();
});

for (const loopback of ['127.0.0.1', '::1']) {
  test(`bytes come back from ${loopback} as they were sent, the first ones of the server included`, async () => {
    const greeting = randomBytes(3000);
    const port = await listen(loopback, (socket) => {
      socket.write(greeting);
      socket.pipe(socket);
    });
    await using host = await open();
    const connection = await host.dial(loopback, port, { title: 'try', signal: never });
    const sent = randomBytes(5 * 1024 * 1024);
    const got = createHash('sha256');
    let length = 0;
    const all = new Promise<void>((resolve) => {
      connection.on('data', (chunk: Buffer) => {
        got.update(chunk);
        length += chunk.length;
        if (length === greeting.length + sent.length) resolve();
      });
    });
    connection.write(sent);
    await all;
    assert.equal(got.digest('hex'), createHash('sha256').update(greeting).update(sent).digest('hex'));
    connection.destroy();
  });
}

test('either side that ends it ends the other, and nothing is left running on the host', async () => {
  let there: Socket | undefined;
  const port = await listen('127.0.0.1', (socket) => {
    there = socket;
    socket.resume();
  });
  await using host = await open();
  const relays = async () =>
    (await host.run(script`pgrep -fc ${`sealos-relay .*127\\.0\\.0\\.1.* ${port}$`} || true`, { title: 'count' })).stdout.trim();

  const first = await host.dial('127.0.0.1', port, { title: 'try', signal: never });
  assert.notEqual(await relays(), '0');
  const serverSide = there ?? assert.fail('nothing came');
  first.destroy();
  if (!serverSide.closed) await once(serverSide, 'close');
  await until('the relay to end', 10_000, async () => ((await relays()) === '0' ? true : undefined));

  const second = await host.dial('127.0.0.1', port, { title: 'try', signal: never });
  second.resume();
  const ended = once(second, 'close');
  there?.end();
  await ended;
  await until('the relay to end', 10_000, async () => ((await relays()) === '0' ? true : undefined));
});

test('a port where nothing listens is told as such', async () => {
  const port = await listen('127.0.0.1', () => {});
  const server = servers.pop() ?? assert.fail();
  server.close();
  await once(server, 'close');
  await using host = await open();
  await assert.rejects(host.dial('127.0.0.1', port, { title: 'try', signal: never }), (error: unknown) => {
    assert.ok(error instanceof HostError);
    assert.match(error.message, new RegExp(`no connection from there to 127\\.0\\.0\\.1:${port}: .*Connection refused$`));
    return true;
  });
});
