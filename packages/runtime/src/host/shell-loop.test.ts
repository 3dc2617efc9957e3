// The loop alone, with a bash of this machine and an operator that goes silent.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../../../../test/support/until.ts';
import { SILENCE_STATUS, shellLoop } from './shell-loop.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-loop-'));
const NONCE = 'sealos-test-nonce';
const SILENCE = 2;
let count = 0;

after(() => rmSync(work, { recursive: true, force: true }));

interface Loop {
  readonly child: ChildProcess;
  readonly temporary: string;
  readonly send: (text: string) => void;
  /** The exit status, once it has ended. */
  readonly ended: Promise<number | null>;
  readonly said: () => string;
}

function startLoop(): Loop {
  count += 1;
  const temporary = join(work, `temporary-${count}`);
  const child = spawn('bash', ['-c', shellLoop(NONCE, { silence: SILENCE, temporary })], { stdio: 'pipe', detached: true });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  child.stdin.on('error', () => {});
  return {
    child,
    temporary,
    send: (text) => child.stdin.write(text),
    ended: once(child, 'exit').then(([status]) => status as number | null),
    said: () => said,
  };
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

async function runningScript(loop: Loop): Promise<number> {
  const file = join(work, `pid-${count}`);
  loop.send(`echo $BASHPID > ${file}; exec sleep 1000\0`);
  return until('the script to run', 10_000, async () => (existsSync(file) && Number(readFileSync(file, 'utf8'))) || undefined);
}

test('an operator that goes silent has its script ended, its temporary files removed, and the loop too', async () => {
  const loop = startLoop();
  const pid = await runningScript(loop);
  mkdirSync(loop.temporary);
  writeFileSync(join(loop.temporary, 'secret'), 'text');
  assert.equal(await loop.ended, SILENCE_STATUS);
  assert.equal(isAlive(pid), false);
  assert.equal(existsSync(loop.temporary), false);
});

test('signs of life keep a script and an idle loop going, for longer than the silence that would end them', async () => {
  const loop = startLoop();
  const pid = await runningScript(loop);
  const beats = setInterval(() => loop.send('beat\n'), 300);
  await new Promise((resolve) => setTimeout(resolve, 2 * SILENCE * 1000));
  clearInterval(beats);
  assert.equal(isAlive(pid), true);
  // Signs of life that come after the order to end are no answer to it.
  loop.send('cancel\nbeat\nbeat\n');
  await until('the end to be told', 10_000, async () => (loop.said().includes(`${NONCE} 1 `) ? true : undefined));
  loop.send('ok\n');
  const idle = setInterval(() => loop.send('\0'), 300);
  await new Promise((resolve) => setTimeout(resolve, 2 * SILENCE * 1000));
  clearInterval(idle);
  loop.send('echo still here\0');
  await until('the next script to run', 10_000, async () => (/still here[\s\S]*nonce 2 0/.test(loop.said()) ? true : undefined));
  loop.send('ok\n');
  loop.child.stdin?.end();
  assert.equal(await loop.ended, 0);
});

test('a loop that nobody speaks with ends by itself', async () => {
  assert.equal(await startLoop().ended, SILENCE_STATUS);
});

test('a script that comes slowly is not taken for silence, and runs whole', async () => {
  const loop = startLoop();
  const text = 'echo one; echo two\0';
  const pieces = text.match(/[\s\S]{1,6}/g) ?? [];
  for (const piece of pieces) {
    loop.send(piece);
    await new Promise((resolve) => setTimeout(resolve, SILENCE * 800));
  }
  await until('it to run', 10_000, async () => (/one\ntwo\n/.test(loop.said()) ? true : undefined));
  loop.child.stdin?.end();
  await loop.ended;
});
