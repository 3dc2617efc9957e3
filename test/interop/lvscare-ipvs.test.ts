// The guard's own container image with IPVS: in a guest with Debian's stock kernel, against TLS servers on this machine.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { arch, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { openImage, openStore, parseReference, unpackImage } from '@sealos/image';
import { runProgram } from '../../scripts/cluster-images.ts';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { bootGuest, GUEST_IP, type Guest, HOST_IN_GUEST } from '../support/ipvs-guest.ts';
import { until } from '../support/until.ts';

const VS = '10.103.97.2:6443';
const root = dirname(dirname(import.meta.dirname));
const skip = arch() !== 'x64' && 'the guest is an amd64 machine';
const work = mkdtempSync(join(tmpdir(), 'sealos-ipvs-'));
const ports: number[] = [];
const servers: ChildProcess[] = [];
let certificate: { readonly certificate: string; readonly key: string };
let guest: Guest;

/** In the guest: a client that holds one connection to the virtual server, asks once for every line of a pipe, and notes each answer. */
const CLIENT = `const tls = require('node:tls');
const [name] = process.argv.slice(2);
const fs = require('node:fs');
const note = (text) => fs.appendFileSync('/tmp/' + name, text + '\\n');
const socket = tls.connect({ host: '10.103.97.2', port: 6443, rejectUnauthorized: false });
socket.on('data', (text) => note(/name=(m\\d)/.exec(String(text))?.[1] ?? '?'));
socket.on('error', (error) => note(error.code));
socket.on('close', () => process.exit());
const ask = () => socket.write('GET /held HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n');
socket.on('secureConnect', ask);
process.on('SIGUSR2', ask);
`;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

function start(index: number): void {
  const program = [join(root, 'test/support/api-server.ts'), `m${index}`, certificate.certificate, certificate.key];
  servers[index] = spawn(process.execPath, [...program, String(ports[index]), '127.0.0.1'], { stdio: ['pipe', 'ignore', 'inherit'] });
}

/** The servers that the kernel sends new connections to, by ipvsadm. */
async function targets(): Promise<string> {
  const rules = await guest.run('ipvsadm -Ln');
  return ports.flatMap((port, index) => (new RegExp(`-> ${HOST_IN_GUEST}:${port} +Masq +1 `).test(rules) ? [`m${index}`] : [])).join(' ');
}
const becomes = (wanted: string) => until(`IPVS to send to ${wanted}`, 60_000, async () => (await targets()) === wanted || undefined);
const answers = (client: string) => guest.run(`cat /tmp/${client} 2>/dev/null || true`);

/** Asks over the connection of a client of the guest, and waits for one more answer. */
async function ask(client: string): Promise<string> {
  const before = (await answers(client)).length;
  await guest.run(`kill -USR2 $(cat /run/${client}.pid)`);
  return until(`an answer to ${client}`, 60_000, async () => (await answers(client)).slice(before).trim() || undefined);
}

/** Holds a connection to the server: one of two clients that begin one after the other, for they take turns. */
async function hold(server: string): Promise<string> {
  for (const name of ['a', 'b', 'c', 'd'].map((letter) => `${letter}-${server}`)) {
    await guest.run(`/usr/bin/node --jitless /client.js ${name} & echo $! > /run/${name}.pid`);
    if ((await until('the first answer', 60_000, async () => (await answers(name)).trim() || undefined)) === server) return name;
  }
  throw new Error(`no connection came to ${server}`);
}

before(async () => {
  if (skip) return;
  certificate = makeCertificate(work, 'server', makeAuthority(work));
  for (const index of [0, 1]) {
    ports[index] = await freePort();
    start(index);
  }
  const env = { SEALOS_STORAGE: join(work, 'store'), SEALOS: join(root, 'sealos') };
  const name = (await runProgram(['bash', join(root, 'images/lvscare/build.sh')], { env, onLine: () => {} })).trim();
  await using store = await openStore(env.SEALOS_STORAGE);
  const image = await openImage(store, parseReference(name));
  const tree = join(work, 'root');
  await unpackImage(store, image, tree);
  writeFileSync(join(tree, 'client.js'), CLIENT);
  mkdirSync(join(tree, 'run'), { recursive: true });
  guest = await bootGuest(tree);
  rmSync(tree, { recursive: true });
});

after(async () => {
  for (const server of servers) server.kill('SIGKILL');
  await guest?.[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

const care = (flags = '') =>
  `lvscare care --vs ${VS} ${ports.map((port) => `--rs ${HOST_IN_GUEST}:${port}`).join(' ')} --interval 3s --ip ${GUEST_IP} ${flags}`;

test('the virtual server comes into the kernel, whose module is loaded for it', { skip }, async () => {
  await guest.run(`${care()} > /tmp/log 2>&1 & echo $! > /run/guard.pid`);
  await until('the rules', 60_000, async () =>
    (await guest.run('cat /proc/net/ip_vs 2>/dev/null || true')).includes('rr') ? true : undefined,
  );
  const rules = await guest.run('ipvsadm -Ln');
  assert.match(rules, /TCP +10\.103\.97\.2:6443 rr/);
  await becomes('m0 m1');
});

test('a dead server is taken out, its connections end and those of the other live, and it comes back', { skip }, async () => {
  const [pinned, living] = [await hold('m0'), await hold('m1')];
  servers[0]?.kill('SIGSTOP');
  await becomes('m1');
  assert.doesNotMatch(await guest.run('ipvsadm -Ln'), new RegExp(`:${ports[0]} `));
  assert.match(await ask(pinned), /ECONNRESET/);
  assert.equal(await ask(living), 'm1');
  servers[0]?.kill('SIGCONT');
  await becomes('m0 m1');
  assert.equal(await ask(living), 'm1');
  servers[1]?.kill('SIGKILL');
  await becomes('m0');
  start(1);
  await becomes('m0 m1');
});

test('ended, it leaves the rules; -C removes them and nothing else', { skip }, async () => {
  const living = await hold('m0');
  await guest.run('kill -TERM $(cat /run/guard.pid)');
  await until('the guard to end', 60_000, async () =>
    (await guest.run('kill -0 $(cat /run/guard.pid) 2>/dev/null && echo alive || true')) ? undefined : true,
  );
  assert.equal(await targets(), 'm0 m1');
  await guest.run('ipvsadm -A -t 10.96.0.1:443 -s rr');
  await guest.run(care('--run-once --backend ipvs'));
  assert.equal(await ask(living), 'm0', 'adopted with its connections');
  await guest.run(`lvscare care -C --vs ${VS}`);
  assert.equal((await guest.run('ipvsadm -S -n')).trim(), '-A -t 10.96.0.1:443 -s rr');
});
