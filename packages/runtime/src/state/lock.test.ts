import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, afterEach, before, test } from 'node:test';
import { lockOwner, takeLock } from './lock.ts';

let root: string;
let children: ChildProcess[] = [];
before(() => {
  root = mkdtempSync(join(tmpdir(), 'sealos-lock-'));
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
});
after(() => rmSync(root, { recursive: true, force: true }));

/** A process of its own that takes the lock, says how that went, and keeps it until a line comes in. */
const OWNER = `
import { createInterface } from 'node:readline';
const { takeLock } = await import(${JSON.stringify(join(import.meta.dirname, 'lock.ts'))});
try {
  const lock = await takeLock(process.argv[1], 'run ' + process.pid);
  console.log('taken');
  for await (const _ of createInterface({ input: process.stdin })) break;
  await lock[Symbol.asyncDispose]();
  console.log('given back');
} catch (error) {
  console.log('refused: ' + error.message + ' | ' + error.hint);
}
process.exit();`;

function start(path: string): { readonly child: ChildProcess; readonly next: () => Promise<string> } {
  const child = spawn(process.execPath, ['--input-type=module', '-e', OWNER, path], { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return { child, next: async () => (await lines.next()).value ?? 'ended' };
}

test('of two processes the second is told who has the lock, since when, and what to do', async () => {
  const path = join(root, 'two');
  const first = start(path);
  assert.equal(await first.next(), 'taken');
  const said = await start(path).next();
  assert.match(
    said,
    new RegExp(
      `^refused: 'run ${first.child.pid}' \\(\\w+, process ${first.child.pid} on \\S+\\) has been at work on this cluster since 20`,
    ),
  );
  assert.match(said, new RegExp(`\\| wait for it to end, or end it: kill ${first.child.pid}$`));
  assert.equal((await lockOwner(path))?.pid, first.child.pid);
  first.child.stdin?.write('\n');
  assert.equal(await first.next(), 'given back');
  assert.equal(await lockOwner(path), undefined);
  assert.equal(await start(path).next(), 'taken');
});

test("the lock of a process that was killed is nobody's, and the next one takes it", async () => {
  const path = join(root, 'killed');
  const first = start(path);
  assert.equal(await first.next(), 'taken');
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');
  assert.ok(existsSync(path));
  assert.equal(await lockOwner(path), undefined);
  assert.equal(await start(path).next(), 'taken');
});

test('of many processes that find a stale lock at the same moment one alone gets it', async () => {
  const path = join(root, 'many');
  for (let round = 0; round < 3; round += 1) {
    writeFileSync(path, JSON.stringify({ ...JSON.parse(await staleText()), pid: 1 }));
    const owners = Array.from({ length: 6 }, () => start(path));
    const said = await Promise.all(owners.map(({ next }) => next()));
    assert.equal(said.filter((line) => line === 'taken').length, 1, said.join('\n'));
    assert.equal(said.filter((line) => line.startsWith('refused: ')).length, 5);
    const winner = owners[said.indexOf('taken')];
    winner?.child.stdin?.write('\n');
    assert.equal(await winner?.next(), 'given back');
  }
  assert.deepEqual(
    readdirSync(root).filter((name) => name.startsWith('many')),
    [],
    'nothing is left of the struggle',
  );
});

/** The text of a lock of this machine, whose owner is made not to be this process. */
async function staleText(): Promise<string> {
  const path = join(root, 'text');
  await using _lock = await takeLock(path, 'x');
  return JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), started: '1' });
}

test('a process that got the number of one that ended is not taken for it', async () => {
  const path = join(root, 'reused');
  writeFileSync(path, await staleText());
  assert.equal(JSON.parse(readFileSync(path, 'utf8')).pid, process.pid);
  await using _lock = await takeLock(path, 'me');
});

test('what lies on another machine of the same name, or in another container, is never taken over', async () => {
  for (const other of [{ host: 'elsewhere' }, { machine: 'f'.repeat(32) }, { namespace: 'pid:[1]' }]) {
    const path = join(root, `other-${Object.keys(other)[0]}`);
    writeFileSync(path, JSON.stringify({ machine: 'a', ...JSON.parse(await staleText()), ...other }));
    if ('machine' in other && !existsSync('/etc/machine-id')) continue;
    await assert.rejects(takeLock(path, 'me'), {
      code: 'cluster-busy',
      hint: /if you are sure that it does not run on \S+ any more, delete \S+$/,
    });
  }
});

test('a restart of the machine ends every owner there', async () => {
  const path = join(root, 'boot');
  writeFileSync(path, JSON.stringify({ ...JSON.parse(await staleText()), boot: 'earlier' }));
  await using _lock = await takeLock(path, 'me');
});
