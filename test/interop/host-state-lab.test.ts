// The tests' own instrument, tried on a real host: whatever could be left there is seen, and an untouched host has no differences.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openLab } from '@sealos/lab';
import { compareHostState, type HostState, hostState, lastingDifferences, onLabHost } from '../support/host-state.ts';

const lab = openLab({ name: 'test-host-state' });
const HOST = 'h1';
let untouched: HostState;

before(async () => {
  await lab.up({ count: 1 });
  // What a host still does after its start is over when two readings are equal.
  untouched = await hostState(lab, HOST);
  for (let tries = 0; tries < 20; tries += 1) {
    const next = await hostState(lab, HOST);
    if (compareHostState(untouched, next).length === 0) return;
    untouched = next;
  }
});
after(() => lab.down());

/** What is left, how it is taken back, and the section in which it is seen. */
const leavings: readonly (readonly [section: string, leave: string, remove: string])[] = [
  ['link', 'ip link add vethleft type veth peer name vethpeer', 'ip link del vethleft'],
  ['address', 'ip addr add 10.9.9.9/32 dev lo', 'ip addr del 10.9.9.9/32 dev lo'],
  ['route', 'ip route add 10.8.8.0/24 dev host0', 'ip route del 10.8.8.0/24'],
  ['nft', 'nft add table ip left', 'nft delete table ip left'],
  ['mount', 'mkdir /mnt/left; mount -t tmpfs left /mnt/left', 'umount /mnt/left; rmdir /mnt/left'],
  ['process', 'systemd-run -q --unit=left-process sleep 1000', 'systemctl stop left-process'],
  ['port', 'systemd-run -q --unit=left-port --socket-property=ListenStream=127.0.0.1:7777 cat', 'systemctl stop left-port.socket'],
  [
    'unit-file',
    "printf '[Service]\\nExecStart=/bin/true\\n' > /etc/systemd/system/left.service; systemctl daemon-reload",
    'rm /etc/systemd/system/left.service; systemctl daemon-reload',
  ],
  ['hosts', "sed -i '$a 10.0.0.1 left.example' /etc/hosts", "sed -i '/left.example/d' /etc/hosts"],
  ['sysctl', 'echo 2 > /proc/sys/net/ipv4/conf/all/rp_filter', 'echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter'],
  ['file', 'stat -c %a /etc/issue > /run/mode; chmod 0611 /etc/issue', 'chmod "$(cat /run/mode)" /etc/issue; rm /run/mode'],
  ['content', 'cp -p /etc/motd /root/motd; echo more >> /etc/motd', 'cp -p /root/motd /etc/motd; rm /root/motd'],
  ['memory-file', 'touch /run/left', 'rm /run/left'],
  [
    'cgroup',
    'mkdir -p /sys/fs/cgroup/systemd/left /sys/fs/cgroup/left 2> /dev/null || true',
    'rmdir /sys/fs/cgroup/systemd/left /sys/fs/cgroup/left 2> /dev/null || true',
  ],
];

test('an untouched host has no differences', async () => {
  assert.deepEqual(await lastingDifferences(lab, HOST, untouched), []);
});

for (const [section, leave, remove] of leavings) {
  test(`${section}: what is left is seen, and not any more when it is gone`, async () => {
    await onLabHost(lab, HOST, `set -e\n${leave}\n`);
    const seen = compareHostState(untouched, await hostState(lab, HOST));
    assert.ok(
      seen.some((line) => line.slice(2).startsWith(`${section}\t`)),
      `a difference in ${section} among\n${seen.join('\n')}`,
    );
    await onLabHost(lab, HOST, `set -e\n${remove}\n`);
    assert.deepEqual(await lastingDifferences(lab, HOST, untouched), []);
  });
}
