import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFacts } from './facts.ts';

const answers = `clock=1000.500000000
capabilities=000001ffffffffff
hostname=node-1
machine=aarch64
kernel=6.1.0-18-arm64
os_id=debian
os_version=12
os_name=Debian GNU/Linux 12 (bookworm)
init=systemd
cgroup=v2
cpus=4
memory_kb=8000000
disk_kb=20000000
tool=tar
tool=gzip
runtime=containerd /usr/bin/containerd yes 3 containerd github.com/containerd/containerd v1.6.20~ds1 1.6.20~ds1-1+deb12u1
runtime=podman /usr/bin/podman no 0 
feature=ipvs
feature=overlayfs
port_hex=1F90
port_hex=0016
port_hex=1F90
address=10.0.0.5
address=10.0.0.5
`;

test('answers become facts, whatever else the host prints', () => {
  const facts = parseFacts(`Welcome!\n${answers}a line without meaning\n=\n`, 1000);
  assert.equal(facts.architecture, 'arm64');
  assert.deepEqual(facts.os, { id: 'debian', version: '12', prettyName: 'Debian GNU/Linux 12 (bookworm)' });
  assert.equal(facts.systemd, true);
  assert.equal(facts.memoryBytes, 8_192_000_000);
  assert.equal(facts.clockSkewSeconds, 0.5);
  assert.equal(facts.sysResource, true);
  assert.deepEqual(facts.listeningPorts, [22, 8080]);
  assert.deepEqual(facts.addresses, ['10.0.0.5']);
  assert.deepEqual(facts.containerRuntimes, [
    { name: 'containerd', path: '/usr/bin/containerd', version: '1.6.20~ds1', running: true, containers: 3 },
    { name: 'podman', path: '/usr/bin/podman', version: '', running: false, containers: 0 },
  ]);
  assert.deepEqual([facts.tools.tar, facts.tools.zstd], [true, false]);
  assert.deepEqual([facts.kernelFeatures.ipvs, facts.kernelFeatures.vxlan], [true, false]);
});

test('a capability that is missing is seen: a container as host has no CAP_SYS_RESOURCE', () => {
  assert.equal(parseFacts('capabilities=00000000fdecafff\n', 0).sysResource, true);
  assert.equal(parseFacts('capabilities=000001fffeffffff\n', 0).sysResource, false);
});

test('a date without fractions gives whole seconds, and no answer at all no alarm', () => {
  assert.equal(parseFacts('clock=1002.%N\n', 1000).clockSkewSeconds, 2);
  const nothing = parseFacts('', 1000);
  assert.equal(nothing.clockSkewSeconds, 0);
  assert.equal(nothing.cpus, 0);
  assert.equal(nothing.sysResource, false);
});
