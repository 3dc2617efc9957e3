import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clusterFromFlags } from '../cluster/from-flags.ts';
import { openState } from './state.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'sealos-state-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

const cluster = (env: string[] = []) =>
  clusterFromFlags({ name: 'default', images: ['k:v1'], masters: '10.0.0.1', ssh: { user: 'root', passwd: 'hunter22', port: 2222 }, env });

test('what is written is read back, save the secrets of ssh', async () => {
  const state = await openState('one', { root });
  assert.equal(await state.read(), undefined);
  await state.write({ cluster: cluster(['A=1']), configs: [], kubeadm: [] });
  assert.deepEqual(await state.read(), { cluster: { ...cluster(['A=1']), ssh: { user: 'root', port: 2222 } }, configs: [], kubeadm: [] });
});

test('directories are for the owner only, files too, and nothing temporary stays', async () => {
  mkdirSync(join(root, 'two'), { mode: 0o755 });
  chmodSync(join(root, 'two'), 0o755);
  const state = await openState('two', { root });
  await state.write({ cluster: cluster(['registryPassword=x']), configs: [], kubeadm: [] });
  for (const name of ['', ...readdirSync(state.home, { recursive: true, encoding: 'utf8' })]) {
    const stat = statSync(join(state.home, name));
    assert.equal(stat.mode & 0o777, stat.isDirectory() ? 0o700 : 0o600, name);
  }
  assert.deepEqual(readdirSync(state.home).sort(), ['Clusterfile', 'etc', 'logs', 'pki']);
  assert.deepEqual(readdirSync(state.etc), ['environment.yml']);
});

test('passwords of the environment are kept beside the Clusterfile, never in it', async () => {
  const state = await openState('three', { root });
  const wanted = cluster(['registryPassword=hunter22', 'A=1']);
  await state.write({ cluster: wanted, configs: [], kubeadm: [] });
  assert.ok(!readFileSync(join(state.home, 'Clusterfile'), 'utf8').includes('hunter22'));
  assert.equal((await state.read())?.cluster.env.get('registryPassword'), 'hunter22');
  await state.write({ cluster: cluster(['A=1']), configs: [], kubeadm: [] });
  assert.equal((await state.read())?.cluster.env.has('registryPassword'), false);
});

test('a cluster is taken by one process; the other is told by whom', async () => {
  const state = await openState('four', { root });
  await using _lock = await state.lock('sealos run a');
  await assert.rejects(state.lock('sealos reset'), {
    code: 'cluster-busy',
    exitCode: 2,
    message: new RegExp(`^'sealos run a' \\(\\w+, process ${process.pid} on ${hostname()}\\) has been at work on this cluster since 20`),
  });
});

test('a lock is free again when its owner is done, and leaves nothing', async () => {
  const state = await openState('five', { root });
  for (const command of ['a', 'b']) {
    await using _lock = await state.lock(command);
  }
  assert.ok(!existsSync(state.home), 'not even a directory: nothing was written');
  await state.writeSecret('kept', 'x');
  {
    await using _lock = await state.lock('c');
  }
  assert.deepEqual(readdirSync(state.home), ['etc']);
});

test('the lock of a process that was killed is taken over, also when its pid lives again', async () => {
  const state = await openState('six', { root });
  const code = `import(${JSON.stringify(join(import.meta.dirname, 'state.ts'))}).then(async ({ openState }) => {
    await (await openState('six', { root: ${JSON.stringify(root)} })).lock('killed'); console.log('locked'); setInterval(() => {}, 1000); })`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  await assert.rejects(state.lock('me'), { code: 'cluster-busy' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const stale = readFileSync(join(state.home, 'lock'), 'utf8');
  {
    await using _lock = await state.lock('me');
  }
  mkdirSync(state.home, { recursive: true });
  writeFileSync(join(state.home, 'lock'), JSON.stringify({ ...JSON.parse(stale), pid: process.pid }));
  await using _lock = await state.lock('me');
});

test('of many who find a stale lock one alone gets it', async () => {
  const state = await openState('seven', { root });
  mkdirSync(state.home);
  writeFileSync(join(state.home, 'lock'), 'half a li');
  const results = await Promise.allSettled(Array.from({ length: 20 }, (_, index) => state.lock(`c${index}`)));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  assert.deepEqual(
    readdirSync(state.home).filter((name) => name.startsWith('lock')),
    ['lock'],
  );
});

test('the lock of another machine is never taken over', async () => {
  const state = await openState('eight', { root });
  mkdirSync(state.home);
  const owner = { pid: 1, started: '1', boot: 'x', host: 'elsewhere', command: 'sealos run', since: 'then' };
  writeFileSync(join(state.home, 'lock'), JSON.stringify(owner));
  await assert.rejects(state.lock('me'), {
    code: 'cluster-busy',
    hint: /if you are sure that it does not run on elsewhere any more, delete .*\/lock$/,
  });
});

test('a retired cluster keeps its Clusterfile under another name, and no keys', async () => {
  const state = await openState('nine', { root });
  await state.write({ cluster: cluster(), configs: [], kubeadm: [] });
  await state.writeSecret('registry-password', 'x');
  await state.retire();
  assert.equal(await state.read(), undefined);
  assert.ok(!existsSync(state.etc) && !existsSync(state.pki));
  assert.ok(readdirSync(state.home).some((name) => /^Clusterfile\.\d+$/.test(name)));
});

test('names that would leave the directory are refused', async () => {
  for (const name of ['', '..', 'a/b', '.hidden', 'a b', 'x'.repeat(64)]) await assert.rejects(openState(name, { root }), { exitCode: 2 });
  const state = await openState('ten', { root });
  assert.throws(() => state.readSecret('../Clusterfile'), TypeError);
});

test('a root that cannot be written is named in one line', async () => {
  writeFileSync(join(root, 'file'), '');
  const state = await openState('x', { root: join(root, 'file') });
  await assert.rejects(state.lock('run'), { code: 'state-unwritable', exitCode: 2 });
});
