// The operator killed at the worst moment of each chapter of a short life, held against the same life undisturbed.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openLab } from '@sealos/lab';
import { buildClusterImages } from '../../scripts/cluster-images.ts';
import { fourMoments } from '../chaos/four-moments.ts';

const lab = openLab({ name: 'test-moments' });
const work = mkdtempSync(join(tmpdir(), 'sealos-moments-'));
const log = (line: string) => console.log(`# ${line}`);

after(async () => {
  await lab.down();
  rmSync(work, { recursive: true, force: true });
});

test('killed while it creates, adds, deletes and resets, and run again, it ends at the cluster of an undisturbed run', async () => {
  const storage = join(work, 'store');
  mkdirSync(storage);
  await buildClusterImages({ storage, onLine: log });
  await fourMoments({ lab, hosts: await lab.up({ count: 2 }), storage, work }, log);
});
