import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { directory, file, variedEntries, withDirectory } from '../../../test/support/images.ts';
import type { TarEntry, TarHeader } from './tar.ts';
import { encodeHeader } from './tar-header.ts';
import { readTar } from './tar-read.ts';
import { writeTar } from './tar-write.ts';

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function readAll(
  bytes: Buffer,
  piece = 65_536,
): Promise<readonly (TarHeader & { readonly text: string; readonly offset: number })[]> {
  const items = [];
  for await (const { header, offset, content } of readTar(inPieces(bytes, piece))) {
    items.push({ ...header, offset, text: (await buffer(content())).toString() });
  }
  return items;
}

function withoutContent(entry: TarEntry): TarHeader {
  const { content: _, ...header } = entry;
  return header;
}

const wide: readonly TarEntry[] = [
  ...variedEntries(),
  file('fraction', 'x', { mtime: 1.5 }),
  file('before-1970', 'x', { mtime: -1.25 }),
  file('big-owner', 'x', { uid: 3_000_000_000, gid: 2 ** 31 }),
  file('attributes', 'x', { xattrs: { 'user.note': Buffer.from([0, 1, 255, 10]) } }),
  file(`${'p'.repeat(155)}/${'n'.repeat(100)}`, 'fits ustar exactly'),
  file(`${'p'.repeat(156)}/${'n'.repeat(100)}`, 'does not'),
  { path: 'null', type: 'character', mode: 0o666, uid: 0, gid: 0, mtime: 0, size: 0, device: { major: 1, minor: 3 } },
];

test('what is written is read again, however the bytes are cut', async () => {
  const bytes = await buffer(writeTar(wide));
  assert.equal(bytes.length % 512, 0);
  for (const piece of [65_536, 511]) {
    const items = await readAll(bytes, piece);
    assert.deepEqual(
      items.map(({ text: _, offset: __, ...header }) => header),
      wide.map(withoutContent),
    );
    for (const [position, { text, offset, size }] of items.entries()) {
      assert.equal(text, wide[position]?.content?.toString() ?? '');
      assert.equal(bytes.toString('utf8', offset, offset + size), text);
    }
  }
});

test('the same entries give the same bytes, pax headers stand only where ustar has no room', async () => {
  assert.deepEqual(await buffer(writeTar(wide)), await buffer(writeTar(wide)));
  assert.equal(encodeHeader(file('plain')).length, 512);
  assert.equal(encodeHeader(directory(`${'d'.repeat(98)}/${'e'.repeat(99)}`)).length, 512);
  assert.equal(encodeHeader(file('größe')).length, 3 * 512);
  const big = encodeHeader({ ...file('big'), size: 2 ** 33 });
  assert.equal(big.length, 3 * 512);
  assert.match(big.toString('latin1'), /^.{512}19 size=8589934592\n/s);
});

test('GNU tar lists our archives as we meant them', () =>
  withDirectory(async (path) => {
    await writeFile(join(path, 'a.tar'), await buffer(writeTar(wide)));
    const listing = execFileSync('tar', ['--numeric-owner', '--quoting-style=literal', '-tvf', join(path, 'a.tar')], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C.UTF-8', TZ: 'UTC' },
    });
    assert.match(listing, /-rw-r----- 1234\/5678 +10 2009-02-13 23:31 owned\n/);
    assert.match(listing, /-rwsr-xr-x 0\/0 +1 2020-09-13 12:26 bin\/setuid\n/);
    assert.match(listing, /drwxrwxrwt 0\/0 +0 2020-09-13 12:26 sticky\/\n/);
    assert.match(listing, /hrwxr-xr-x .* bin\/run-again link to bin\/run\n/);
    assert.match(listing, /lrwxrwxrwx .* bin\/sh -> run\n/);
    assert.match(listing, / etc\/größe-日本語\.txt\n/);
    assert.match(listing, / 3000000000\/2147483648 .* big-owner\n/);
    assert.equal(listing.trimEnd().split('\n').length, wide.length);
  }));

test('we read what GNU tar writes in each of its formats', () =>
  withDirectory(async (path) => {
    const long = `${'a-long-directory-name/'.repeat(8)}${'f'.repeat(120)}`;
    await mkdir(join(path, 'in', long, '..'), { recursive: true });
    await writeFile(join(path, 'in', long), 'deep');
    await writeFile(join(path, 'in', 'größe'), 'grüße');
    await symlink('x'.repeat(150), join(path, 'in', 'link'));
    for (const format of ['gnu', 'pax', 'posix']) {
      execFileSync('tar', [
        `--format=${format}`,
        '--owner=:5000000',
        '--group=:7',
        '-C',
        join(path, 'in'),
        '-cf',
        join(path, 'a.tar'),
        '.',
      ]);
      const items = await readAll(await readFile(join(path, 'a.tar')));
      const byPath = new Map(items.map((item) => [item.path, item]));
      assert.equal(byPath.get(long)?.text, 'deep', format);
      assert.equal(byPath.get('größe')?.text, 'grüße');
      assert.equal(byPath.get('link')?.linkname, 'x'.repeat(150));
      assert.equal(byPath.get('')?.type, 'directory');
      assert.equal(byPath.get('größe')?.uid, 5_000_000);
    }
  }));

test('an archive without its last padding and end is whole, as umoci writes them', async () => {
  const bytes = await buffer(writeTar([file('a', 'text')]));
  for (const length of [516, 1024, 1536])
    assert.deepEqual(
      (await readAll(bytes.subarray(0, length))).map(({ text }) => text),
      ['text'],
    );
});

test('damaged, cut and foreign bytes are refused, exit 2', async () => {
  const good = await buffer(writeTar([file('a', 'x'.repeat(5000)), file('größe', 'y')]));
  const refused: readonly (readonly [string, Buffer, RegExp])[] = [
    ['empty', Buffer.alloc(0), /empty/],
    ['text', Buffer.from('hello '.repeat(1000)), /not a tar archive/],
    ['short text', Buffer.from('hello'), /cut off/],
    ['cut in a content', good.subarray(0, 3000), /cut off/],
    ['cut in a header', good.subarray(0, 700 + 5120), /cut off/],
    ['flipped', Buffer.from(good).fill('?', 3, 4), /checksum/],
    ['pax of 1 GiB', header({ flag: 'x', size: 2 ** 30 }), /more than 1 MiB/],
    ['long name of 1 GiB', header({ flag: 'L', size: 2 ** 30 }), /more than 1 MiB/],
    ['negative size', pax('size=-1'), /size/],
    ['size that is no number', pax('size=1e999'), /not a number/],
    ['malformed pax', paxRaw('99 path=a\n'), /malformed/],
    ['pax of length 0', paxRaw('0 path=a\n'), /malformed/],
    ['zero byte in a name', pax('path=a\0b'), /zero byte/],
    ['endless name', pax(`path=${'a/'.repeat(5000)}`), /longer than 4096/],
    ['sparse', pax('GNU.sparse.major=1'), /sparse/],
  ];
  for (const [what, bytes, message] of refused) {
    await assert.rejects(readAll(bytes), { code: 'bad-archive', exitCode: 2, message }, what);
  }
});

test('a file that changes while it is read fails the archive', async () => {
  for (const content of ['short', 'much longer']) {
    await assert.rejects(buffer(writeTar([{ ...file('a', 'sevenxx'), content: Buffer.from(content) }])), {
      code: 'file-changed',
      message: /'a'/,
    });
  }
});

/** A header block of any letter and size, with a right checksum. */
function header(fields: { readonly flag: string; readonly size: number }): Buffer {
  const block = encodeHeader(file('x'));
  block.write(`${fields.size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write(fields.flag, 156, 'latin1');
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return Buffer.concat([block, Buffer.alloc(512)]);
}

function paxRaw(content: string): Buffer {
  const bytes = Buffer.from(content);
  const padding = Buffer.alloc(Math.ceil(bytes.length / 512) * 512 - bytes.length);
  return Buffer.concat([header({ flag: 'x', size: bytes.length }).subarray(0, 512), bytes, padding, encodeHeader(file('x'))]);
}

function pax(record: string): Buffer {
  const rest = ` ${record}\n`;
  let length = rest.length;
  while (String(length).length + rest.length !== length) length++;
  return paxRaw(`${length}${rest}`);
}
