import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Host } from '../host/host.ts';
import { hostLayout } from '../layout.ts';
import { prefetchImagesStep } from './prefetch-images.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-prefetch-'));
after(() => rmSync(work, { recursive: true, force: true }));

/** Runs the step's script where coreutils' `timeout` is a program that notes the image and ends with the status that is given for it. */
async function tried(statuses: Readonly<Record<string, number>>): Promise<readonly string[]> {
  const layout = { ...hostLayout('default'), rootfs: join(work, 'rootfs') };
  mkdirSync(join(layout.rootfs, 'images/shim'), { recursive: true });
  writeFileSync(join(layout.rootfs, 'images/shim/DefaultImageList'), `# images\n\n${Object.keys(statuses).join('\n')}\n`);
  const cases = Object.entries(statuses).map(([image, status]) => `${image}) exit ${status} ;;`);
  writeFileSync(join(work, 'timeout'), `#!/bin/sh\necho "$4" >> ${join(work, 'tried')}\ncase "$4" in ${cases.join(' ')} esac\n`, {
    mode: 0o755,
  });
  writeFileSync(join(work, 'crictl'), '#!/bin/sh\nexit 9\n', { mode: 0o755 });
  rmSync(join(work, 'tried'), { force: true });
  let text = '';
  const host = {
    async run(script: { readonly text: string }) {
      text = script.text;
      return { exitCode: 0, stdout: '', stderr: '' };
    },
  } as Partial<Host> as Host;
  const step = prefetchImagesStep({ id: 'x', title: 'x', layout, hosts: [], needs: [] });
  await step.apply(host, { signal: new AbortController().signal, onLine: () => {}, onBytes: () => {} });
  const { status, stderr } = spawnSync('bash', ['-c', text], { env: { PATH: `${work}:/usr/bin:/bin` }, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return spawnSync('cat', [join(work, 'tried')], { encoding: 'utf8' })
    .stdout.trim()
    .split('\n');
}

test('an image that cannot be had is passed over, and behind one that takes too long none is tried', async () => {
  assert.deepEqual(await tried({ one: 0, two: 1, three: 0 }), ['one', 'two', 'three']);
  assert.deepEqual(await tried({ one: 0, two: 124, three: 0 }), ['one', 'two']);
});
