import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Condition, chooseMembers } from './members.ts';

const at = (last: number) => ({ ip: `10.0.0.${last}`, port: 6443 });
const choose = (...conditions: readonly Condition[]) => {
  const members = chooseMembers(conditions.map((condition, index) => ({ server: at(index + 1), condition })));
  return (
    members && {
      targets: members.targets.map(({ ip }) => ip.slice(-1)).join(''),
      living: members.living.map(({ ip }) => ip.slice(-1)).join(''),
    }
  );
};

test('servers that are well get the connections', () => {
  assert.deepEqual(choose('well', 'well', 'well'), { targets: '123', living: '123' });
});

test('a server that answers wrongly gets no new connections and keeps those it has; one that is silent loses them', () => {
  assert.deepEqual(choose('well', 'unwell', 'silent'), { targets: '1', living: '12' });
});

test('when none is well those that answer are better than none', () => {
  assert.deepEqual(choose('unwell', 'silent', 'unwell'), { targets: '13', living: '13' });
});

test('when none answers the last ones are kept', () => {
  assert.equal(choose('silent', 'silent'), undefined);
});
