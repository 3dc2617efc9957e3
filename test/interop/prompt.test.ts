// Questions at a terminal, on a real one that script(1) makes.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { until } from '../support/until.ts';

const root = dirname(dirname(import.meta.dirname));
const work = mkdtempSync(join(tmpdir(), 'sealos-prompt-'));
after(() => rmSync(work, { recursive: true, force: true }));

const program = join(work, 'ask.ts');
writeFileSync(
  program,
  `import { ask } from '${root}/packages/cli/src/prompt.ts';
try {
  const answer = await ask('Password: ', { hidden: true, signal: new AbortController().signal });
  console.log('answer of ' + answer.length);
} catch (error) {
  console.log('failed: ' + error.message);
}
`,
);

/** What a terminal shows when the program runs on it and this is typed at the question. */
async function typed(keys: string): Promise<string> {
  const child = spawn('script', ['-qec', `${process.execPath} ${program}`, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString();
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  await until('the question', 30_000, async () => (shown.includes('Password: ') ? true : undefined));
  child.stdin.write(keys);
  await ended;
  return shown;
}

test('an answer that is hidden is not shown, and comes whole', async () => {
  const shown = await typed('hunter2\r');
  assert.match(shown, /answer of 7/);
  assert.doesNotMatch(shown, /hunter/);
});

test('no answer (Ctrl-D) is no reason to wait for ever', async () => {
  assert.match(await typed('\x04'), /failed: no answer: Password/);
});
