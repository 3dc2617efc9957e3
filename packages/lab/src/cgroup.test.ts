import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { groupProcesses, makeGroups } from './cgroup.ts';

// Plain files stand in for the kernel's: what is written where is what is proven here, v1 itself is proven by the lab's real hosts.
async function fakeRoot(files: Readonly<Record<string, string>>) {
  const path = await mkdtemp(join(tmpdir(), 'lab-cgroup-'));
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

test('on v2 a host gets a group below the lab’s, its memory limit, and the controllers are passed down', async () => {
  await using root = await fakeRoot({ 'cgroup.controllers': 'memory\n' });
  const groups = await makeGroups({ version: 2, hierarchies: [{ path: root.path, controllers: [] }] }, 'abc123', 'h1', 1_000_000);
  assert.deepEqual(groups, [join(root.path, 'sealos-lab-abc123/h1')]);
  assert.equal(await readFile(join(root.path, 'cgroup.subtree_control'), 'utf8'), '+memory');
  assert.equal(await readFile(join(root.path, 'sealos-lab-abc123/h1/memory.max'), 'utf8'), '1000000');
});

test('on v1 a new cpuset gets the processors and memory nodes of its parent, without which nothing may enter it', async () => {
  await using root = await fakeRoot({ 'cpuset.cpus': '0-3\n', 'cpuset.mems': '0\n' });
  const [group = ''] = await makeGroups(
    { version: 1, hierarchies: [{ path: root.path, controllers: ['cpuset'] }] },
    'abc123',
    'h1',
    undefined,
  );
  assert.equal(await readFile(join(group, 'cpuset.cpus'), 'utf8'), '0-3');
  assert.equal(await readFile(join(group, 'cpuset.mems'), 'utf8'), '0');
});

test('a memory limit is refused where the kernel has no memory cgroup', async () => {
  await using root = await fakeRoot({});
  const layout = { version: 1, hierarchies: [{ path: root.path, controllers: ['freezer'] }] } as const;
  await assert.rejects(makeGroups(layout, 'abc123', 'h1', 1000), { code: 'no-memory-cgroup' });
});

test('the processes of a group are those of all groups below it, each once', async () => {
  await using root = await fakeRoot({ 'cgroup.procs': '10\n11\n' });
  await mkdir(join(root.path, 'payload/init.scope'), { recursive: true });
  await writeFile(join(root.path, 'payload/init.scope/cgroup.procs'), '11\n12\n');
  assert.deepEqual([...(await groupProcesses([root.path]))].sort(), [10, 11, 12]);
});
