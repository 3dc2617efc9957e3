import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLab } from './index.ts';
import { sshArguments } from './lab.ts';
import { bridgeName, linkName } from './network.ts';
import { nspawnArguments } from './nspawn.ts';

test('names of links fit the kernel’s 15 bytes, also for the last host', () => {
  const { id } = openLab({ directory: '/some/place', name: 'a-lab-with-a-name-of-forty-letters-12345' });
  assert.ok(bridgeName(id).length <= 15);
  assert.ok(linkName(id, 'h200').length <= 15);
});

test('labs of another name or another place have another id, the same one always the same', () => {
  const ids = [openLab({ directory: '/a' }), openLab({ directory: '/b' }), openLab({ directory: '/a', name: 'b' })].map(({ id }) => id);
  assert.equal(new Set(ids).size, 3);
  assert.equal(openLab({ directory: '/a/' }).id, ids[0]);
});

test('a name that would lead out of the directory is refused', () => {
  for (const name of ['', '..', 'a/b', 'A', '-a', 'a b', 'x'.repeat(41)])
    assert.throws(() => openLab({ name }), { code: 'bad-lab-name', exitCode: 2 });
});

test('a lab that was never up is empty, knows no host, goes down without an error, and leaves no file', {
  skip: process.getuid?.() !== 0,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lab-empty-'));
  try {
    const lab = openLab({ directory });
    assert.deepEqual(await lab.list(), []);
    await assert.rejects(lab.cut('h1'), { code: 'no-such-host', exitCode: 2 });
    await assert.rejects(lab.up({ count: 0 }), { code: 'bad-host-count', exitCode: 2 });
    await lab.down();
    assert.deepEqual(await readdir(directory), []);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('the ssh command line uses nothing of the user’s own configuration and checks the host’s key', () => {
  const line = sshArguments('/lab/id', '/lab/known_hosts').join(' ');
  assert.match(line, /^ssh -F none -i \/lab\/id /);
  assert.match(line, /StrictHostKeyChecking=yes/);
  assert.match(line, /UserKnownHostsFile="\/lab\/known_hosts"/);
});

test('a host shares the machine’s kernel modules only where there are some', () => {
  const options = { root: '/r', machine: 'abc123h1', hostname: 'h1', bridge: 'slb-abc123' };
  assert.ok(!nspawnArguments(options).some((argument) => argument.startsWith('--bind-ro')));
  assert.ok(nspawnArguments({ ...options, modules: '/lib/modules' }).includes('--bind-ro=/lib/modules'));
});
