// A server that speaks etcd's protocol and lies: what a real one does only when it, its disk or its host breaks.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createSecureServer, type Http2SecureServer, type Http2Stream, type ServerHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Host } from '../host/host.ts';
import { generateKey, issueCa, issueCertificate, privateKeyPem } from '../pki/certificate.ts';
import type { EtcdIdentity } from './identity.ts';
import { takeSnapshot } from './take-snapshot.ts';
import { encodeMessage } from './wire.ts';

type Behaviour = (stream: ServerHttp2Stream) => void;

let identity: EtcdIdentity;
let serverTls: { readonly cert: string; readonly key: string };
const directory = mkdtempSync(join(tmpdir(), 'sealos-liar-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const signal = new AbortController().signal;

before(async () => {
  const ca = issueCa('etcd-ca', await generateKey());
  const pair = issueCertificate({ commonName: 'm', usages: ['server', 'client'], sans: ['localhost'] }, await generateKey(), ca);
  serverTls = { cert: pair.cert, key: privateKeyPem(pair.key) };
  identity = { ca: ca.cert, ...serverTls };
});

const database = randomBytes(512 * 400);
const whole = Buffer.concat([database, createHash('sha256').update(database).digest()]);

function frame(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

const blob = (content: Buffer, remaining: number) =>
  frame(
    encodeMessage([
      { number: 2, value: BigInt(remaining) },
      { number: 3, value: content },
    ]),
  );

/** Sends these bytes as a snapshot, in pieces that fit no frame, and ends well. */
function sends(content: Buffer, status = '0'): Behaviour {
  return (stream) => {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': status, 'grpc-message': status === '0' ? '' : 'broken%20disk' }));
    const frames = Buffer.concat(
      Array.from({ length: Math.ceil(content.length / 30_000) }, (_, index) =>
        blob(content.subarray(index * 30_000, (index + 1) * 30_000), 0),
      ),
    );
    for (let at = 0; at < frames.length; at += 7777) stream.write(frames.subarray(at, at + 7777));
    stream.end();
  };
}

const isServers = (stream: Http2Stream): stream is ServerHttp2Stream => 'respond' in stream;

async function serving(behaviour: Behaviour, name: string): Promise<Host & { readonly server: Http2SecureServer }> {
  const server = createSecureServer(serverTls);
  server.on('sessionError', () => {});
  server.on('stream', (stream, headers) => {
    if (!isServers(stream)) return;
    stream.on('error', () => {});
    if (headers[':path'] === '/etcdserverpb.Maintenance/Snapshot') return behaviour(stream);
    stream.respond({ ':status': 200 }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(frame(encodeMessage([])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const none = () => Promise.reject(new Error('a connection only'));
  return {
    server,
    address: { ip: '127.0.0.1', port: 22 },
    name,
    run: none,
    unpack: none,
    writeFiles: none,
    readFile: none,
    dial: () =>
      new Promise((resolve) => {
        const socket = connect({ host: '127.0.0.1', port });
        socket.once('connect', () => resolve(socket));
      }),
    [Symbol.asyncDispose]: async () => {
      server.close();
    },
  };
}

async function take(masters: readonly Host[]) {
  const into = mkdtempSync(join(directory, 'taken-'));
  const warnings: string[] = [];
  const path = join(into, 'snapshot.db');
  const taken = takeSnapshot({ masters, identity, path, signal, warn: (message) => warnings.push(message) });
  const result = await taken.then(
    (value) => ({ value }),
    (error: Error) => ({ error }),
  );
  return { ...result, warnings, files: readdirSync(into), path };
}

const flipped = Buffer.from(whole);
flipped.writeUInt8((flipped[70_000] ?? 0) ^ 1, 70_000);

const lies: readonly [string, Behaviour, RegExp][] = [
  ['bytes that are not what their hash says', sends(flipped), /cut short or damaged/],
  ['a beginning, told as the whole', sends(whole.subarray(0, 90_000)), /cut short or damaged/],
  ['a database without its hash', sends(database), /cut short or damaged/],
  ['nothing', sends(Buffer.alloc(0)), /empty snapshot/],
  ['an error at the end', sends(whole, '13'), /broken disk/],
  [
    'a reset in the middle',
    (stream) => {
      stream.respond({ ':status': 200 });
      stream.write(blob(whole.subarray(0, 50_000), 99));
      setTimeout(() => stream.session?.destroy(), 50);
    },
    /m1: etcd/,
  ],
  [
    'an end without a status',
    (stream) => {
      stream.respond({ ':status': 200 });
      stream.end(blob(whole, 0));
    },
    /broke off/,
  ],
];

for (const [what, behaviour, says] of lies) {
  test(`from a member that sends ${what} no file is left, and the next member is asked`, async () => {
    await using liar = await serving(behaviour, 'm1');
    const alone = await take([liar]);
    assert.match('error' in alone ? alone.error.message : '', says);
    assert.deepEqual(alone.files, []);
    await using honest = await serving(sends(whole), 'm2');
    const fallen = await take([liar, honest]);
    assert.equal('value' in fallen ? fallen.value.host : fallen.error, 'm2');
    assert.equal(fallen.warnings.length, 1);
    assert.deepEqual(readFileSync(fallen.path), whole);
  });
}
