import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cgroupLayout, freezerHierarchy, hostGroups } from './cgroup-layout.ts';
import { parseMounts } from './remove-tree.ts';

const V2 = '30 23 0:26 / /sys/fs/cgroup rw,nosuid,nodev,noexec,relatime shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n';
const V1 = `30 23 0:26 / /sys/fs/cgroup ro,nosuid shared:4 - tmpfs tmpfs ro,mode=755
31 30 0:27 / /sys/fs/cgroup/unified rw shared:5 - cgroup2 cgroup2 rw
32 30 0:28 / /sys/fs/cgroup/systemd rw shared:6 - cgroup cgroup rw,xattr,name=systemd
33 30 0:29 / /sys/fs/cgroup/cpu,cpuacct rw shared:7 - cgroup cgroup rw,cpu,cpuacct
34 30 0:30 / /sys/fs/cgroup/freezer rw shared:8 - cgroup cgroup rw,freezer
35 30 0:29 / /mnt/again rw shared:7 - cgroup cgroup rw,cpu,cpuacct
`;

test('a machine with one cgroup2 mount is v2: one group for a host, which freezes too', () => {
  const layout = cgroupLayout(parseMounts(V2));
  assert.ok(layout);
  assert.equal(layout.version, 2);
  assert.deepEqual(hostGroups(layout, 'abc123', 'h1'), ['/sys/fs/cgroup/sealos-lab-abc123/h1']);
  assert.equal(freezerHierarchy(layout)?.path, '/sys/fs/cgroup');
});

test('with v1 hierarchies a host has a group in each, mounted twice or not, and in the v2 one beside them', () => {
  const layout = cgroupLayout(parseMounts(V1));
  assert.ok(layout);
  assert.equal(layout.version, 1);
  assert.deepEqual(
    hostGroups(layout, 'abc123', 'h2'),
    ['unified', 'systemd', 'cpu,cpuacct', 'freezer'].map((name) => `/sys/fs/cgroup/${name}/sealos-lab-abc123/h2`),
  );
  assert.deepEqual(freezerHierarchy(layout), { path: '/sys/fs/cgroup/freezer', controllers: ['freezer'] });
});

test('a machine without cgroups has no layout', () => {
  assert.equal(cgroupLayout(parseMounts('20 1 8:1 / / rw - ext4 /dev/sda1 rw\n')), undefined);
});
