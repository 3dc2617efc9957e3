import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MachineFacts, refusal } from './machine-check.ts';

const good: MachineFacts = { platform: 'linux', uid: 0, missing: [], hasCgroups: true, networkRefusal: '' };

test('a machine that has all it takes is not refused', () => {
  assert.equal(refusal(good), undefined);
});

test('each reason against a lab is one line, says what to do, and counts as bad input', () => {
  const cases: readonly [Partial<MachineFacts>, string, RegExp][] = [
    [{ platform: 'darwin' }, 'not-linux', /Linux machine/],
    [{ uid: 1000 }, 'not-root', /sudo/],
    [{ missing: ['systemd-nspawn', 'debootstrap'] }, 'tool-missing', /apt-get install systemd-container debootstrap$/],
    [{ missing: ['unshare', 'setpriv'] }, 'tool-missing', /apt-get install util-linux$/],
    [{ hasCgroups: false }, 'no-cgroups', /mount/],
    [{ networkRefusal: 'RTNETLINK answers: Operation not supported' }, 'no-bridge', /modprobe bridge veth/],
  ];
  for (const [change, code, hint] of cases) {
    const error = refusal({ ...good, ...change });
    assert.equal(error?.code, code);
    assert.equal(error.exitCode, 2);
    assert.match(error.hint ?? '', hint);
    assert.doesNotMatch(error.message, /\n/);
  }
});
