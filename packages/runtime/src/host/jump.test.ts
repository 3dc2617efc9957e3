import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isJumpList, parseJumps } from './jump.ts';

test('jump hosts are written as OpenSSH writes them', () => {
  assert.deepEqual(parseJumps('none'), []);
  assert.deepEqual(parseJumps(''), []);
  assert.deepEqual(parseJumps('bastion'), [{ host: 'bastion' }]);
  assert.deepEqual(parseJumps('ops@bastion.example.org:2222, 10.0.0.1'), [
    { host: 'bastion.example.org', user: 'ops', port: 2222 },
    { host: '10.0.0.1' },
  ]);
  assert.deepEqual(parseJumps('ssh://ops@gate:22/'), [{ host: 'gate', user: 'ops', port: 22 }]);
  // A user's name may hold an @ (directories of companies do).
  assert.deepEqual(parseJumps('me@example.org@gate'), [{ host: 'gate', user: 'me@example.org' }]);
  assert.deepEqual(parseJumps('FD00:0::1,root@[fd00::2],[fd00::3]:23'), [
    { host: 'fd00::1' },
    { host: 'fd00::2', user: 'root' },
    { host: 'fd00::3', port: 23 },
  ]);
});

test('what is no jump host is refused', () => {
  for (const bad of ['a:b', 'a:0', 'a:65536', '@a', 'a@', 'a b', 'a,,b', '-oProxyCommand=x', '[fd00::1', 'a/b']) {
    assert.equal(isJumpList(bad), false, bad);
  }
});
