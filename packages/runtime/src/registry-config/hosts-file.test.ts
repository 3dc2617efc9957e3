import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Script } from '../host/script.ts';
import { hostsEntryRemovalScript, hostsEntryScript } from './hosts-file.ts';

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), 'sealos-hosts-'));
});
after(() => rmSync(directory, { recursive: true }));

const path = () => join(directory, 'hosts');
function run(script: Script, content?: string): { output: string; file: string } {
  if (content !== undefined) writeFileSync(path(), content);
  const { status, stdout, stderr } = spawnSync('bash', ['-s'], { input: script.text, encoding: 'utf8' });
  assert.deepEqual({ status, stderr }, { status: 0, stderr: '' });
  return { output: stdout, file: readFileSync(path(), 'utf8') };
}
const add = (content?: string, ip = '10.0.0.1') => run(hostsEntryScript('sealos.hub', ip, path()), content);
const remove = (content?: string) => run(hostsEntryRemovalScript('sealos.hub', path()), content);

const others = '# a comment\n127.0.0.1\tlocalhost  my-host # mine\n\n  ::1 ip6-localhost\\n $HOME `id` *\n';

test('an entry is added at the end, and every other line stays byte for byte', () => {
  assert.deepEqual(add(others), { output: 'changed\n', file: `${others}10.0.0.1 sealos.hub # sealos\n` });
});

test('the same entry again changes nothing, not even the file', () => {
  add(others);
  const { ino, mtimeMs } = statSync(path());
  assert.equal(add().output, 'unchanged\n');
  assert.deepEqual([statSync(path()).ino, statSync(path()).mtimeMs], [ino, mtimeMs]);
});

test('another address takes the place of the old one', () => {
  add(`${others}10.0.0.9 sealos.hub # sealos\n1.1.1.1 one\n`);
  assert.equal(add(undefined, 'FD00::0001').file, `${others}fd00::1 sealos.hub # sealos\n1.1.1.1 one\n`);
});

test('lines of sealos itself and doubles are replaced by one', () => {
  const { file } = add('10.0.0.8 sealos.hub\n1.1.1.1 one\n10.0.0.9\tsealos.hub\n');
  assert.equal(file, '10.0.0.1 sealos.hub # sealos\n1.1.1.1 one\n');
});

test("a line of the user's that names the domain too stays, and ours comes before it", () => {
  const mine = '9.9.9.9 other sealos.hub\n8.8.8.8 sealos.hub # why\n';
  assert.equal(add(mine).file, `10.0.0.1 sealos.hub # sealos\n${mine}`);
  assert.equal(remove().file, mine);
});

test('names that only look like the domain are left alone', () => {
  const alike = '1.1.1.1 sealosxhub\n1.1.1.1 a.sealos.hub\n#10.0.0.1 sealos.hub\nsealos.hub\n';
  assert.equal(remove(alike).file, alike);
});

test('removing puts back what was there, and once more changes nothing', () => {
  add(others);
  assert.deepEqual(remove(), { output: 'changed\n', file: others });
  assert.equal(remove().output, 'unchanged\n');
});

test('a file without a last line break gets one before the entry', () => {
  assert.equal(add('1.1.1.1 one').file, '1.1.1.1 one\n10.0.0.1 sealos.hub # sealos\n');
});

test('a missing file is made by an entry', () => {
  rmSync(path(), { force: true });
  assert.equal(add().file, '10.0.0.1 sealos.hub # sealos\n');
});

test('mode, links and the directory stay as they were', () => {
  const real = join(directory, 'real');
  rmSync(path(), { force: true });
  writeFileSync(real, others);
  chmodSync(real, 0o640);
  symlinkSync('real', path());
  add();
  assert.equal(statSync(real).mode & 0o777, 0o640);
  assert.match(readFileSync(real, 'utf8'), /sealos\.hub # sealos\n$/);
  assert.deepEqual(readdirSync(directory).sort(), ['hosts', 'real']);
  rmSync(path());
});

test('what is no name or address never becomes a script', () => {
  for (const name of ['', 'a b', 'a#b', 'a\nb', '-x']) assert.throws(() => hostsEntryScript(name, '10.0.0.1'), { exitCode: 2 });
  assert.throws(() => hostsEntryScript('sealos.hub', '10.0.0.1 x'), { exitCode: 2 });
});
