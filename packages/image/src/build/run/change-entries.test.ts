import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TarEntry } from '../../tar.ts';
import { writeTar } from '../../tar-write.ts';
import { changeEntries } from './change-entries.ts';

test("overlayfs's marks become whiteouts; attributes of files stay, those of the file system go", {
  skip: process.getuid?.() !== 0 && 'only root can make devices',
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'sealos-change-'));
  try {
    const common = { mode: 0o644, uid: 0, gid: 0, mtime: 1_500_000_000, size: 0 };
    const content = Buffer.from('x');
    const entries: TarEntry[] = [
      { ...common, path: 'opaque', type: 'directory', xattrs: { 'trusted.overlay.opaque': Buffer.from('y') } },
      {
        ...common,
        path: 'opaque/new',
        type: 'file',
        size: 1,
        content,
        xattrs: { 'user.mine': Buffer.from('kept'), 'trusted.overlay.origin': Buffer.from('z') },
      },
      { ...common, path: 'opaque/zz-link', type: 'hardlink', linkname: 'opaque/new' },
      { ...common, path: 'gone', type: 'character', device: { major: 0, minor: 0 } },
      { ...common, path: 'null', type: 'character', device: { major: 1, minor: 3 } },
    ];
    const chunks: Buffer[] = [];
    for await (const chunk of writeTar(entries)) chunks.push(chunk);
    await writeFile(join(directory, 'upper.tar'), Buffer.concat(chunks));
    const upper = join(directory, 'upper');
    const script = `mkdir "$1" && tar --xattrs --xattrs-include='*' -xf "$1.tar" -C "$1"`;
    const made = spawnSync('sh', ['-c', script, 'sh', upper], { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    const found: string[] = [];
    for await (const { path, type, linkname, xattrs, mtime } of changeEntries(upper, undefined)) {
      assert.equal(mtime, 1_500_000_000);
      found.push([path, type, linkname, ...Object.entries(xattrs ?? {}).map(([name, value]) => `${name}=${value}`)].join(' ').trim());
    }
    assert.deepEqual(found, [
      '.wh.gone file',
      'null character',
      'opaque directory',
      'opaque/.wh..wh..opq file',
      'opaque/new file  user.mine=kept',
      'opaque/zz-link hardlink opaque/new',
    ]);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
});
