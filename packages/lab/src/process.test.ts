import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { identify, isAlive, isInitOf, until } from './process.ts';

test('a process is known by its pid and start time: ended or another of the same pid, it is not alive', async () => {
  const child = spawn('sleep', ['60']);
  const identity = identify(child.pid ?? 0);
  assert.ok(identity);
  assert.equal(isAlive(identity), true);
  assert.equal(isAlive({ ...identity, started: `${Number(identity.started) - 1}` }), false);
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(isAlive(identity), false);
});

test('the init of a container is the child of systemd-nspawn that is process 1 one pid namespace below, not one of a pod inside', () => {
  const status = (parent: number, namespaced: string) => `Name:\tsystemd\nPPid:\t${parent}\nNSpid:\t${namespaced}\n`;
  assert.equal(isInitOf(100, status(100, '101\t1')), true);
  assert.equal(isInitOf(100, status(99, '101\t1')), false);
  assert.equal(isInitOf(100, status(100, '101')), false);
  assert.equal(isInitOf(100, status(100, '101\t40\t1')), false);
  assert.equal(isInitOf(100, ''), false);
});

test('waiting for a condition ends with it, with the time, or with an abort', async () => {
  let asked = 0;
  assert.equal(await until(() => ++asked === 3, 5000), true);
  assert.equal(await until(() => false, 30), false);
  await assert.rejects(until(() => false, 60_000, AbortSignal.timeout(30)));
});
