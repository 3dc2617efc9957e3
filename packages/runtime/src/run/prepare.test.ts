import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clusterImage } from '../image-contract/cluster-image.ts';
import { applicationDirectory, type LoadedImage } from './load-image.ts';
import { withDirectories } from './prepare.ts';
import { configuredCgroupDriver } from './prepare-kubeadm.ts';

function loaded(name: string): LoadedImage {
  return {
    contract: clusterImage(name, { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }),
    planned: {
      name,
      digest: `sha256:${'0'.repeat(64)}`,
      kind: 'application',
      directory: applicationDirectory(name),
      layers: [],
      variants: new Map(),
    },
    templates: new Map(),
    kubeadm: [],
    k3s: undefined,
    overlays: new Map(),
    settings: new Map(),
    original: async () => undefined,
    has: () => false,
    hasAuditPolicy: false,
    payloadBytes: 0,
    registryBytes: 0,
    registryIndexes: [],
  };
}

test('an application has a readable directory of its own, also beside another of the same name', () => {
  const directories = withDirectories(['docker.io/labring/calico:v3.24.6', 'a.example/app:1', 'b.example:5000/app:1'].map(loaded)).map(
    (image) => image.planned.directory,
  );
  assert.deepEqual(directories.slice(0, 2), ['calico-v3.24.6', 'app-1']);
  assert.match(directories[2] ?? '', /^app-1-[0-9a-f]{8}$/);
  assert.equal(applicationDirectory(`x/app@sha256:${'ab'.repeat(32)}`), 'app-abababababab');
});

test('kubelet gets the cgroup driver that the image gives its container runtime', () => {
  const file = (path: string, content: string) => [{ path: `/rootfs${path}`, content, mode: 0o644 }];
  assert.equal(configuredCgroupDriver(file('/etc/config.toml', '[x]\n   SystemdCgroup = true\n')), 'systemd');
  assert.equal(configuredCgroupDriver(file('/etc/config.toml', 'SystemdCgroup=false')), 'cgroupfs');
  assert.equal(configuredCgroupDriver(file('/etc/daemon.json', '{"exec-opts": ["native.cgroupdriver=systemd"]}')), 'systemd');
  assert.equal(configuredCgroupDriver(file('/etc/other.toml', 'SystemdCgroup = true')), undefined);
});
