import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
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
