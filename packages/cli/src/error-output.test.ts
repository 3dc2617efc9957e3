import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { reportError } from './error-output.ts';

function reported(context: TestContext, error: unknown): { readonly status: number; readonly text: string } {
  const lines: string[] = [];
  const write = context.mock.method(process.stderr, 'write', (text: string) => {
    lines.push(text);
    return true;
  });
  const status = reportError(error, { debug: false, interrupted: false });
  write.mock.restore();
  return { status, text: lines.join('') };
}

for (const [code, says] of [
  ['EACCES', 'no permission'],
  ['ENOSPC', 'no space left on the disk'],
  ['EROFS', 'the file system is read-only'],
] as const) {
  test(`what the machine refuses is told as that, with the path: ${code}`, (context) => {
    const refused = Object.assign(new Error(`${code}: as node says it, open '/data/blob'`), { code, path: '/data/blob' });
    assert.deepEqual(reported(context, refused), { status: 1, text: `sealos: /data/blob: ${says}\n` });
  });
}

test('anything else that nobody foresaw is reported as a fault of sealos', (context) => {
  const { status, text } = reported(context, new TypeError('x is not a function'));
  assert.equal(status, 1);
  assert.match(text, /^sealos: unexpected: x is not a function\n {2}This is a fault in sealos/);
});
