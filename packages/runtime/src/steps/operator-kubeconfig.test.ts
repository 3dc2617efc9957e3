import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubeconfigFor } from './operator-kubeconfig.ts';

test('only the loopback of a kubeconfig of k3s becomes the name of the API', () => {
  const text = (server: string) => `clusters:\n- cluster:\n    certificate-authority-data: QUJD\n    server: ${server}\n  name: default\n`;
  for (const loopback of ['https://127.0.0.1:6443', 'https://[::1]:6443', 'https://0.0.0.0:6443'])
    assert.equal(kubeconfigFor(text(loopback), 'api.local:6443'), text('https://api.local:6443'), loopback);
  assert.equal(kubeconfigFor(text('https://10.0.0.1:6443'), 'api.local:6443'), text('https://10.0.0.1:6443'));
});
