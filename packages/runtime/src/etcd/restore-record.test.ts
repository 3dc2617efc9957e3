import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openState } from '../state/state.ts';
import { beginRestore, readRestore, writeRestore } from './restore-record.ts';

const one = 'a'.repeat(64);
const other = 'b'.repeat(64);
const masters = ['10.0.0.1', '10.0.0.2'];

test('the same snapshot onto the same hosts goes on where it stopped; once it is done, it begins anew', () => {
  const begun = beginRestore(undefined, one, masters);
  assert.equal(beginRestore(begun, one, masters.toReversed()), begun);
  const restored = { ...begun, phase: 'restored' } as const;
  assert.equal(beginRestore(restored, one, masters), restored);
  assert.notEqual(beginRestore({ ...begun, phase: 'done' }, one, masters).id, begun.id);
});

test('another snapshot, or other hosts, are another restore: nothing that was begun counts for it', () => {
  const begun = beginRestore(undefined, one, masters);
  for (const next of [
    beginRestore(begun, other, masters),
    beginRestore(begun, one, ['10.0.0.1']),
    beginRestore(begun, one, ['10.0.0.1', '10.0.0.3']),
  ]) {
    assert.notEqual(next.id, begun.id);
    assert.equal(next.phase, 'begun');
  }
});

test('what is remembered is read back, and a file that makes no sense is none', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sealos-restore-'));
  try {
    const state = await openState('default', { root });
    assert.equal(await readRestore(state), undefined);
    const record = beginRestore(undefined, one, masters);
    await writeRestore(state, record);
    assert.deepEqual(await readRestore(state), record);
    for (const text of ['', '{', '{"id":"../x"}']) {
      await state.writeSecret('etcd-restore.json', text);
      assert.equal(await readRestore(state), undefined);
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
