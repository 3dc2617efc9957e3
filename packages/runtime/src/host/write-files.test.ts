import assert from 'node:assert/strict';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLocalHost } from './local.ts';

test('what a killed writing left beside its targets is removed by the next one, and nothing else', async () => {
  const directory = mkdtempSync(join(tmpdir(), "sealos-write 'files'-"));
  try {
    for (const name of ['.ca.key.sealos-0123456789abcdef', '.ca.key', 'ca.key.sealos-0', '.other.key.sealos-0123456789abcdef'])
      writeFileSync(join(directory, name), 'old');
    await using host = await openLocalHost({ address: { ip: '127.0.0.1', port: 22 }, signal: new AbortController().signal });
    await host.writeFiles([{ path: join(directory, 'ca.key'), content: 'new', mode: 0o600 }], { title: 'writing' });
    assert.deepEqual(readdirSync(directory).sort(), ['.ca.key', '.other.key.sealos-0123456789abcdef', 'ca.key', 'ca.key.sealos-0']);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('what has to lie within a directory is not written behind a link that leads out of it, and nothing else of that call is', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'sealos-write-within-'));
  try {
    const within = join(directory, "the 'data'");
    for (const made of [join(within, 'etc'), join(directory, 'outside')]) mkdirSync(made, { recursive: true });
    symlinkSync(within, join(directory, 'elsewhere'));
    symlinkSync('../outside', join(within, 'out'));
    symlinkSync('etc', join(within, 'in'));
    symlinkSync('../outside/passwd', join(within, 'etc', 'passwd'));
    await using host = await openLocalHost({ address: { ip: '127.0.0.1', port: 22 }, signal: new AbortController().signal });
    const write = (...paths: readonly string[]) =>
      host.writeFiles(
        paths.map((path) => ({ path: join(directory, path), content: 'new', mode: 0o600 })),
        { title: 'writing', within },
      );
    for (const path of ["the 'data'/out/passwd", "the 'data'/out/deeper/passwd", "the 'data'/in/../out/x"])
      await assert.rejects(write("the 'data'/first", path), /lies behind a link that leads out of/);
    assert.deepEqual(readdirSync(join(directory, 'outside')), []);
    assert.deepEqual(readdirSync(within).sort(), ['etc', 'in', 'out']);
    await write("the 'data'/in/passwd", "the 'data'/new/deep", 'outside/own', 'elsewhere/too');
    assert.ok(lstatSync(join(within, 'etc', 'passwd')).isFile(), 'a link in the place of the file itself is replaced');
    assert.deepEqual(readdirSync(join(directory, 'outside')), ['own']);
    assert.deepEqual(readdirSync(within).sort(), ['etc', 'in', 'new', 'out', 'too']);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
