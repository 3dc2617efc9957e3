import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import { defaultRegistryConfig } from '../registry-config/registry-config.ts';
import { withLiveRegistry } from './foreign-registry.ts';

const { cluster } = parseClusterfile(
  `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default}
spec:
  image: [k]
  env: [registryPort=5001]
  hosts: [{ips: [10.0.0.1], roles: [master]}]
status:
  mounts: [{name: a, type: rootfs, imageName: k, env: {registryUsername: admin, registryPassword: passw0rd, registryPort: "5000"}, labels: {}}]
`,
  { name: 'C' },
);

test('a login that was changed after the image was run becomes a setting of the cluster, and what the image says itself does not', () => {
  const live = { ...defaultRegistryConfig, port: 5001, password: 'changed' };
  assert.deepEqual(
    [...withLiveRegistry(cluster, live).env],
    [
      ['registryPort', '5001'],
      ['registryPassword', 'changed'],
    ],
  );
  assert.equal(withLiveRegistry(cluster, { ...defaultRegistryConfig, port: 5001 }), cluster);
});
