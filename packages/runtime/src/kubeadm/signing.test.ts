import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubeadmDocuments } from './documents.ts';
import { signsForCentury } from './signing.ts';

const facts = {
  hostname: 'h1',
  kernelFeatures: { bridgeNetfilter: true, ipvs: true, nftables: true, overlayfs: true, vxlan: true },
  sysResource: true,
  swapOn: false,
  cgroup: 'v2',
  systemd: true,
} as const;

function documents(version: string, extraArgs: unknown): string {
  return kubeadmDocuments({
    version,
    hosts: [{ address: { ip: '10.0.0.1', port: 22 }, role: 'master', facts }],
    vip: '10.103.97.2',
    userDocuments: [{ kind: 'ClusterConfiguration', apiVersion: 'kubeadm.k8s.io/v1beta3', content: { controllerManager: { extraArgs } } }],
    token: 'abcdef.0123456789abcdef',
    caCertHash: `sha256:${'0'.repeat(64)}`,
  }).init;
}

for (const version of ['v1.18.0', 'v1.20.2', 'v1.27.3', 'v1.33.0']) {
  test(`the controller manager of ${version} signs as we do, unless the user has it sign otherwise`, () => {
    assert.equal(signsForCentury(documents(version, {})), true);
    assert.equal(signsForCentury(documents(version, { v: '4' })), true);
    assert.equal(signsForCentury(documents(version, { controllers: '*,-csrsigning' })), false);
    assert.equal(signsForCentury(documents(version, { 'cluster-signing-cert-file': '/etc/kubernetes/other.crt' })), false);
    assert.equal(signsForCentury(documents(version, { 'cluster-signing-kubelet-client-key-file': '/other.key' })), false);
    const duration = version === 'v1.18.0' ? 'experimental-cluster-signing-duration' : 'cluster-signing-duration';
    assert.equal(signsForCentury(documents(version, { [duration]: '8760h' })), false);
  });
}

test('documents that say nothing of it are not enough', () => {
  assert.equal(signsForCentury('kind: ClusterConfiguration\napiVersion: kubeadm.k8s.io/v1beta3\n'), false);
  assert.equal(signsForCentury(''), false);
});
