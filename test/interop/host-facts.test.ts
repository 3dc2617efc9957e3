import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { cpus, hostname, networkInterfaces, totalmem } from 'node:os';
import { test } from 'node:test';
import { gatherFacts, openLocalHost } from '@sealos/runtime';

const signal = new AbortController().signal;

test('facts agree with what the machine says in other ways', async () => {
  await using host = await openLocalHost({ address: { ip: '127.0.0.1', port: 22 }, signal });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const facts = await gatherFacts(host, signal);
    const address = server.address();
    assert.ok(typeof address === 'object' && address && facts.listeningPorts.includes(address.port));
    assert.equal(facts.hostname, hostname());
    assert.equal(facts.kernel, execFileSync('uname', ['-r'], { encoding: 'utf8' }).trim());
    assert.equal(facts.architecture, { x64: 'amd64', arm64: 'arm64' }[process.arch as string]);
    assert.equal(facts.cpus, cpus().length);
    assert.equal(facts.memoryBytes, totalmem());
    const own = Object.values(networkInterfaces()).flatMap((list) => (list ?? []).map(({ address: ip }) => ip));
    for (const ip of own) assert.ok(facts.addresses.includes(ip), ip);
    assert.ok(Math.abs(facts.clockSkewSeconds) < 1, `${facts.clockSkewSeconds}`);
    assert.ok(facts.diskFreeBytes > 0);
    assert.deepEqual([facts.tools.tar, facts.tools.gzip], [true, true]);
  } finally {
    server.close();
  }
});
