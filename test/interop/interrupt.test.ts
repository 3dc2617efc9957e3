import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { until } from '../support/until.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-interrupt-'));
const store = join(work, 'store');
const env = { ...process.env, SEALOS_STORAGE: store, HOME: work, XDG_CACHE_HOME: join(homedir(), '.cache') };
let silent: Server;
let asked = 0;

/** Every file of the store, and whatever else lies in the directory. */
function everything(): readonly string[] {
  return readdirSync(work, { recursive: true }).map(String).sort();
}

/** Starts a command, interrupts it once `ready`, returns the exit status. */
async function interruptWhen(args: readonly string[], ready: () => Promise<true | undefined>): Promise<number | null> {
  const child = spawn(sealos, args, { env, cwd: work, stdio: ['ignore', 'ignore', 'pipe'] });
  const status = new Promise<number | null>((resolve) => child.once('close', resolve));
  await until('the command to be at work', 15_000, ready);
  child.kill('SIGINT');
  return status;
}

before(async () => {
  mkdirSync(join(work, 'context'));
  writeFileSync(join(work, 'context', 'Kubefile'), 'FROM scratch\nCOPY . .\n');
  // Large enough that the signal comes while the layer is written.
  writeFileSync(join(work, 'context', 'big'), Buffer.alloc(700_000_000, 'some text to compress, '));
  silent = createServer(() => {
    asked += 1;
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
});

after(() => {
  silent.closeAllConnections();
  silent.close();
  rmSync(work, { recursive: true, force: true });
});

test('Ctrl-C during a build leaves nothing: no image, no blob, no lock, no temporary file', async () => {
  const status = await interruptWhen(['build', '-t', 'localhost/x', 'context'], async () => {
    const files = readdirSync(store, { recursive: true }).map(String);
    return files.some((file) => file.endsWith('.blob')) ? true : undefined;
  });
  assert.equal(status, 130);
  assert.deepEqual(JSON.parse(readFileSync(join(store, 'index.json'), 'utf8')).manifests, []);
  assert.deepEqual(readdirSync(join(store, 'blobs', 'sha256')), []);
  assert.deepEqual(
    everything().filter((file) => /lock|leases\/.|tmp|\.blob$|unfinished/.test(file)),
    [],
  );
});

test('Ctrl-C during a pull from a registry that does not answer ends it at once', async () => {
  const address = silent.address();
  assert.ok(address && typeof address === 'object');
  const before = everything();
  const status = await interruptWhen(['pull', `127.0.0.1:${address.port}/x:1`, '--plain-http'], async () => (asked > 0 ? true : undefined));
  assert.equal(status, 130);
  assert.deepEqual(everything(), before);
});
