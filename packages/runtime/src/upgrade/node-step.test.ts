import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { goneKubeletFlags, withoutFlags } from './node-step.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-kubelet-flags-'));
after(() => rmSync(work, { recursive: true, force: true }));

/** What bash makes of a file of arguments. */
function cleaned(text: string, version: string): string {
  const path = join(work, 'kubeadm-flags.env');
  writeFileSync(path, text, { mode: 0o600 });
  const files = [path, join(work, 'not there')];
  const { status, stderr } = spawnSync('bash', ['-c', withoutFlags(goneKubeletFlags(version), files).text], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.deepEqual(readdirSync(work), ['kubeadm-flags.env']);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  return readFileSync(path, 'utf8');
}

const flags =
  'KUBELET_KUBEADM_ARGS="--network-plugin=cni --container-runtime=remote --container-runtime-endpoint=unix:///run/c.sock --pod-infra-container-image=r:5000/pause:3.2 --node-ip=10.0.0.1"\n';

test('kubelet loses the flags that its version refuses, and no others', () => {
  assert.deepEqual(goneKubeletFlags('v1.20.3'), []);
  assert.equal(cleaned(flags, 'v1.20.3'), flags);
  assert.equal(cleaned(flags, 'v1.24.0'), flags.replace('--network-plugin=cni', ''));
  const left = cleaned(flags, 'v1.27.1').replace(/"(.*)"/, (_, list: string) => `"${list.trim().split(/ +/).join(' ')}"`);
  assert.equal(left, 'KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/c.sock --node-ip=10.0.0.1"\n');
});
