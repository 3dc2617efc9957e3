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

test('the commands that set, find and remove the rules are valid bash', () => {
  for (const kind of ['ipvs', 'nftables'] as const) {
    for (const [vip, masters] of [
      ['10.103.97.2', ['10.0.0.1', '10.0.0.2']],
      ['fd00::2', ['fd01::1', 'fd01::2']],
    ] as const) {
      const { up, present, down } = balancingCommands(kind, vip, 6443, masters);
      for (const text of [up, present, down]) assert.equal(spawnSync('bash', ['-n'], { input: text }).status, 0, text);
      for (const master of masters) assert.ok(up.includes(master), up);
    }
  }
});

/** Runs bash with an ipvsadm that prints these rules and records every other call; returns what it was called with. */
function callsOf(text: string, rules: string): readonly string[] {
  const stand = `ipvsadm() { if [ "$1" = -S ]; then printf '%s' "$RULES"; else echo "CALL $*"; fi; }
nft() { :; }; modprobe() { :; }; echo() { if [ "$1" = 1 ]; then return; fi; builtin echo "$@"; }`;
  const safe = text.replaceAll('> /proc/sys/net/ipv4/vs/expire_nodest_conn', '');
  const { status, stdout, stderr } = spawnSync('bash', ['-eu'], {
    input: `${stand}\n${safe}\n`,
    encoding: 'utf8',
    env: { ...process.env, RULES: rules },
  });
  assert.equal(status, 0, stderr);
  return stdout.split('\n').flatMap((line) => (line.startsWith('CALL ') ? [line.slice(5)] : []));
}

test('with IPVS what is there is changed only where it must be, and keeps its weights', () => {
  const { up } = balancingCommands('ipvs', '10.103.97.2', 6443, ['10.0.0.1', '10.0.0.2']);
  assert.deepEqual(callsOf(up, ''), [
    '-A -t 10.103.97.2:6443 -s rr',
    '-a -t 10.103.97.2:6443 -r 10.0.0.1:6443 -m -w 1',
    '-a -t 10.103.97.2:6443 -r 10.0.0.2:6443 -m -w 1',
  ]);
  const rules = `-A -t 10.103.97.2:6443 -s rr
-a -t 10.103.97.2:6443 -r 10.0.0.1:6443 -m -w 0
-a -t 10.103.97.2:6443 -r 10.0.0.3:6443 -m -w 1
-A -t 10.96.0.1:443 -s rr
-a -t 10.96.0.1:443 -r 10.0.0.4:6443 -m -w 1
`;
  assert.deepEqual(callsOf(up, rules), ['-a -t 10.103.97.2:6443 -r 10.0.0.2:6443 -m -w 1', '-d -t 10.103.97.2:6443 -r 10.0.0.3:6443']);
});
