import assert from 'node:assert/strict';
import { test } from 'node:test';
import { backupName, sharedBackupName, surplusBackups } from './backup-name.ts';

const at = new Date('2026-11-21T11:07:09.123Z');

test('a name tells when the backup was begun, and names sort by age', () => {
  assert.equal(backupName(at), 'etcd-20261121T110709Z.db');
  assert.equal(sharedBackupName('prod', at), 'etcd-prod-20261121T110709Z.db');
});

test('the oldest beyond those to keep are named, and never anything that is not a backup of ours', () => {
  const names = ['etcd-20261103T000000Z.db', 'etcd-20261101T000000Z.db', 'etcd-20261102T000000Z.db'];
  const others = ['etcd-before-upgrade.db', 'notes', '.etcd-20261101T000000Z.db.x', 'etcd-prod-20261101T000000Z.db', 'etcd-2026.db'];
  assert.deepEqual(surplusBackups([...names, ...others], 2), ['etcd-20261101T000000Z.db']);
  assert.deepEqual(surplusBackups(names, 3), []);
  assert.deepEqual(surplusBackups(names, 9), []);
});

test('of a place that clusters share, only the own backups are named, also where one name begins like another', () => {
  const names = ['etcd-a-20261101T000000Z.db', 'etcd-a-20261102T000000Z.db', 'etcd-a-b-20261101T000000Z.db', 'etcd-20261101T000000Z.db'];
  assert.deepEqual(surplusBackups(names, 1, 'a'), ['etcd-a-20261101T000000Z.db']);
  assert.deepEqual(surplusBackups(names, 1, 'a-b'), []);
});
