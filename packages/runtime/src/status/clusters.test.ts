import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { clusterFromFlags } from '../cluster/from-flags.ts';
import { openState } from '../state/state.ts';
import { listClusters } from './clusters.ts';

let root: string;
before(() => {
  root = mkdtempSync(join(tmpdir(), 'sealos-clusters-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

const cluster = (name: string) =>
  clusterFromFlags({ name, images: ['k:v1'], masters: '10.0.0.1', nodes: '10.0.0.2:2222', ssh: {}, env: [] });

test('where nothing was made there is nothing', async () => {
  assert.deepEqual(await listClusters({ root: join(root, 'absent') }), []);
});

test('clusters that stand, one that is at work and one that was removed', async () => {
  const state = await openState('one', { root });
  await state.write({ cluster: cluster('one'), configs: [], kubeadm: [] });
  await state.retire();
  await state.write({ cluster: cluster('one'), configs: [], kubeadm: [] });
  await using _lock = await state.lock('run k:v1');
  mkdirSync(join(root, 'bad'));
  writeFileSync(join(root, 'bad', 'Clusterfile'), 'kind: [');
  mkdirSync(join(root, 'no-cluster'));
  const standing = await listClusters({ root });
  assert.deepEqual(
    standing.map(({ name, busy, retiredAt }) => [name, busy, retiredAt]),
    [
      ['bad', undefined, undefined],
      ['one', 'run k:v1', undefined],
    ],
  );
  assert.match(standing[0]?.problem ?? '', /Clusterfile/);
  assert.deepEqual(standing[1]?.hosts, [
    { host: '10.0.0.1', roles: cluster('one').hosts[0]?.roles },
    { host: '10.0.0.2:2222', roles: cluster('one').hosts[1]?.roles },
  ]);
  const all = await listClusters({ root, retired: true });
  assert.match(all[2]?.retiredAt ?? '', /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
});
