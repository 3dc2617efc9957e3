import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { compareHostState } from '../support/host-state.ts';
import { lineDifferences } from '../support/host-state-lines.ts';
import { hostStateScript } from '../support/host-state-script.ts';
import { volatileLines } from '../support/host-state-volatile.ts';

const state = (...lines: readonly string[]) => lines.map((line) => line.replace(' ', '\t'));

test('a host that is as it was has no differences, in whatever order its lines come', () => {
  assert.deepEqual(compareHostState(state('link a', 'hosts b'), state('hosts b', 'link a')), []);
});

test('what came is told with a plus and what went with a minus', () => {
  const before = state('hosts 127.0.0.1 localhost$', 'hosts 10.0.0.1 h1$');
  const after = state('hosts 127.0.0.1 localhost$', 'link veth1234: <UP> mtu 1500');
  assert.deepEqual(compareHostState(before, after), ['- hosts\t10.0.0.1 h1$', '+ link\tveth1234: <UP> mtu 1500']);
});

test('a second one of what was there once is a difference', () => {
  assert.deepEqual(compareHostState(state('mount /x tmpfs'), state('mount /x tmpfs', 'mount /x tmpfs')), ['+ mount\t/x tmpfs']);
  assert.deepEqual(lineDifferences(['a', 'a', 'b'], ['b']), ['- a', '- a']);
});

test('logins come and go without a difference; the server that takes them does not', () => {
  const login = state('process root sshd: root@notty', 'unit session-4.scope loaded active running', 'mount /run/user/0 tmpfs tmpfs rw');
  assert.deepEqual(compareHostState([], login), []);
  assert.deepEqual(compareHostState(state('unit ssh.service loaded active running'), login), ['- unit\tssh.service loaded active running']);
});

test('every line that may differ says why', () => {
  for (const { line, why } of volatileLines) {
    assert.ok(line.source.startsWith('^'), `${line} looks at whole lines`);
    assert.ok(why.length > 10);
  }
});

test("the script is bash, and its awk programs are too: on this machine it prints each section's lines and no error", () => {
  assert.equal(spawnSync('bash', ['-n'], { input: hostStateScript, encoding: 'utf8' }).stderr, '');
  // Without the parts that read the whole disk.
  const quick = hostStateScript.slice(0, hostStateScript.indexOf('find / -xdev'));
  const { stdout, stderr } = spawnSync('bash', ['-s'], { input: quick, encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.equal(stderr, '');
  const sections = new Set(stdout.split('\n').map((line) => line.slice(0, line.indexOf('\t'))));
  for (const section of ['process', 'mount', 'link', 'hosts', 'cgroup']) assert.ok(sections.has(section), section);
  // Of the awk programs that run on this machine, its own has this in it.
  assert.doesNotMatch(stdout, /^process\t.*awk.*shown\[pid\]/m, 'not its own helpers');
});
