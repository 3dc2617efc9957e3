import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostNumber, openState, parseState, readState, withHost, withoutHost } from './state.ts';

test('what was written is read again, in the order of the hosts’ numbers, and leaves no temporary file', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'lab-state-'));
  try {
    const path = join(directory, 'state.json');
    const state = await openState(path);
    await Promise.all([
      state.update((now) => withHost(now, 'h10', { memory: 1000 })),
      state.update((now) => withHost(now, 'h2', { process: { pid: 7, started: '99' }, packages: ['jq'] })),
      state.update((now) => ({ ...now, subnet: 3 })),
    ]);
    await state.update((now) => withHost(now, 'h2', { process: { pid: 8, started: '100' } }));
    const again = await readState(path);
    assert.deepEqual(JSON.parse(JSON.stringify(again)), {
      subnet: 3,
      hosts: [
        { name: 'h2', packages: ['jq'], process: { pid: 8, started: '100' } },
        { name: 'h10', memory: 1000 },
      ],
    });
    assert.deepEqual(
      withoutHost(again, 'h2').hosts.map(({ name }) => name),
      ['h10'],
    );
    assert.deepEqual(await readdir(directory), ['state.json']);
    assert.match(await readFile(path, 'utf8'), /\n$/);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('a lab without a state file has no hosts', async () => {
  assert.deepEqual(await readState('/nonexistent/state.json'), { hosts: [] });
});

test('what is not a state is told from one: no JSON, other shapes, names that would lead out of the lab', () => {
  for (const text of ['', '{', '[]', '{}', '{"hosts":[{}]}', '{"hosts":[{"name":"../h1"}]}', '{"hosts":[],"subnet":300}']) {
    assert.equal(parseState(text), undefined, text);
  }
  assert.equal(parseState('{"hosts":[{"name":"h1","process":{"pid":"1"}}]}'), undefined);
});

test('hosts are named h1, h2 … and nothing else', () => {
  assert.equal(hostNumber('h12'), 12);
  for (const name of ['h0', 'h', 'x1', 'h01', '.new-h1', 'h1000']) assert.equal(hostNumber(name), undefined, name);
});
