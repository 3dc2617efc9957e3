import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import { acquireLock } from './lock.ts';

const name = `lock test ${process.pid}`;

test('one holds the lock at a time, the others get it in turn', async () => {
  let holders = 0;
  let most = 0;
  await Promise.all(
    [1, 2, 3, 4].map(async () => {
      await using _ = await acquireLock(name);
      holders += 1;
      most = Math.max(most, holders);
      await new Promise(setImmediate);
      holders -= 1;
    }),
  );
  assert.equal(most, 1);
});

test('the lock of a process that is killed is free at once for who waits', async () => {
  const module = JSON.stringify(join(import.meta.dirname, 'lock.ts'));
  const script = `const { acquireLock } = await import(${module}); await acquireLock(${JSON.stringify(name)}); console.log('held'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  const waiting = acquireLock(name);
  holder.kill('SIGKILL');
  await using _ = await waiting;
});

test('waiting for the lock ends with an abort', async () => {
  await using _ = await acquireLock(name);
  await assert.rejects(acquireLock(name, AbortSignal.timeout(30)), { name: 'TimeoutError' });
});
