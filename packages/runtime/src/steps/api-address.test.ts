import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { balancingCommands, chooseBalancing } from './api-address.ts';

const features = { ipvs: false, nftables: false, bridgeNetfilter: true, overlayfs: true, vxlan: true };
const tools = { tar: true, gzip: true, zstd: true, iptables: true, nft: true, ipvsadm: true, modprobe: true };

test('IPVS is chosen where the kernel has it, then nftables, then the control plane itself', () => {
  assert.equal(chooseBalancing({ kernelFeatures: { ...features, ipvs: true, nftables: true }, tools }), 'ipvs');
  assert.equal(
    chooseBalancing({ kernelFeatures: { ...features, ipvs: true, nftables: true }, tools: { ...tools, ipvsadm: false } }),
    'nftables',
  );
  assert.equal(chooseBalancing({ kernelFeatures: { ...features, nftables: true }, tools: { ...tools, nft: false } }), 'direct');
});

test('the commands that set and remove the rules are valid bash', () => {
  for (const kind of ['ipvs', 'nftables'] as const) {
    const { up, down } = balancingCommands(kind, '10.103.97.2', 6443, ['10.0.0.1', '10.0.0.2']);
    for (const text of [up, down]) assert.equal(spawnSync('bash', ['-n'], { input: text }).status, 0, text);
    assert.match(up, /10\.0\.0\.2/);
  }
});
