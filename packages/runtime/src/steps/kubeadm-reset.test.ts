import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { resetPartialKubeadm } from './kubeadm-reset.ts';

/** Runs the script on a host that has these files (seconds since 1970 when each was written), with stand-ins for kubeadm and ip. */
function clear(files: Readonly<Record<string, number>>) {
  const root = mkdtempSync(join(tmpdir(), 'sealos-partial-'));
  try {
    for (const [path, time] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), '');
      utimesSync(join(root, path), time, time);
    }
    mkdirSync(join(root, 'bin'));
    for (const program of ['kubeadm', 'ip']) {
      writeFileSync(join(root, 'bin', program), `#!/bin/bash\necho ${program} "$@" >> ${root}/calls\n`, { mode: 0o755 });
    }
    const text = resetPartialKubeadm().text.replaceAll(/(?<=^|[\s!])\/(?=etc|var)/gm, `${root}/`);
    const { status, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', text], {
      env: { PATH: `${join(root, 'bin')}:${process.env['PATH']}` },
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
    const calls = existsSync(join(root, 'calls')) ? readFileSync(join(root, 'calls'), 'utf8') : '';
    return { calls, left: Object.keys(files).filter((path) => existsSync(join(root, path))) };
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

test('a worker that was cut off when kubeadm had written its first file is cleared', () => {
  const { calls, left } = clear({ '/etc/kubernetes/bootstrap-kubelet.conf': 1, '/etc/kubernetes/pki/ca.crt': 1 });
  assert.match(calls, /kubeadm reset --force/);
  assert.deepEqual(left, []);
});

test('what is placed before kubeadm begins is kept', () => {
  const placed = { '/etc/kubernetes/pki/ca.crt': 1, '/etc/kubernetes/admin.conf': 1, '/etc/cni/net.d/99-loopback.conf': 1 };
  assert.deepEqual(clear(placed), { calls: '', left: Object.keys(placed) });
});

test('the pod network of a node that was known already is cleared with it, and nothing that lay there before', () => {
  const { calls, left } = clear({
    '/var/lib/kubelet/config.yaml': 10,
    '/etc/cni/net.d/10-hostgw.conflist': 20,
    '/etc/cni/net.d/99-loopback.conf': 5,
    '/var/lib/cni/networks/hostgw/100.64.1.2': 20,
  });
  assert.match(calls, /ip link delete cni0/);
  assert.deepEqual(left, ['/var/lib/kubelet/config.yaml', '/etc/cni/net.d/99-loopback.conf']);
});
