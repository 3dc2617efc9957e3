// A server of the lab as a container host: Debian's containerd and runc run there what they would run on any server. Needs root.
import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openLab } from '../../packages/lab/src/index.ts';
import { ensureInstalled, unpacked } from '../../scripts/debian.ts';
import { inhabitants, traces } from '../support/lab-traces.ts';
import { run } from '../support/programs.ts';

ensureInstalled(['systemd-container', 'debootstrap', 'iproute2', 'openssh-client', 'umoci']);

const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos', 'lab');

const UNIT = `[Service]
ExecStart=/usr/bin/containerd
Type=notify
Delegate=yes
KillMode=process
[Install]
WantedBy=multi-user.target
`;

/** An image of one program, made by umoci, as an archive that `ctr images import` reads. */
async function busyboxArchive(directory: string): Promise<string> {
  const layout = join(directory, 'layout');
  const image = `${layout}:test.example/busybox:1`;
  await run('umoci', ['init', '--layout', layout]);
  await run('umoci', ['new', '--image', image]);
  await run('umoci', ['insert', '--image', image, join(unpacked('busybox-static'), 'bin', 'busybox'), '/bin/busybox']);
  const archive = join(directory, 'busybox.tar');
  await run('tar', ['-C', layout, '-cf', archive, '.']);
  return archive;
}

test('containerd on a server imports an image onto overlayfs and runs limited containers, also after a power loss', {
  timeout: 300_000,
}, async (t) => {
  const name = `test-containers-${process.pid}`;
  const lab = openLab({ directory: cache, name });
  const work = await mkdtemp(join(tmpdir(), 'lab-containers-'));
  let seen = await inhabitants(lab.id);
  const on = async (command: string) => {
    const [program = '', ...args] = await lab.ssh('h1', [command]);
    return (await run(program, args)).trim();
  };
  const container = (options: string, command: string) =>
    on(`ctr run --rm ${options} test.example/busybox:1 probe /bin/busybox sh -c '${command}'`);
  try {
    const [host] = await lab.up({ count: 1 });
    assert.ok(host);
    const bin = join(unpacked('containerd'), 'usr', 'bin');
    for (const program of ['containerd', 'containerd-shim-runc-v2', 'ctr'])
      await copyFile(join(bin, program), join(host.root, 'usr/bin', program));
    await copyFile(join(unpacked('runc'), 'usr/sbin/runc'), join(host.root, 'usr/sbin/runc'));
    await chmod(join(host.root, 'usr/sbin/runc'), 0o755);
    await mkdir(join(host.root, 'etc/containerd'), { recursive: true });
    await writeFile(join(host.root, 'etc/systemd/system/containerd.service'), UNIT);
    await copyFile(await busyboxArchive(work), join(host.root, 'root/busybox.tar'));
    await on('systemctl daemon-reload && systemctl enable --now containerd 2>&1');

    await t.test('the image is unpacked by the overlayfs snapshotter', async () => {
      await on('ctr images import /root/busybox.tar');
      assert.match(await on('ctr plugins ls | grep overlayfs'), /ok$/);
      assert.match(await on('ctr images ls -q'), /test\.example\/busybox:1/);
      assert.match(
        await container('', 'busybox mount -t proc proc /proc 2>/dev/null; busybox grep " / " /proc/mounts'),
        /^overlay \/ overlay/,
      );
    });

    await t.test('a container has a cgroup below the server’s own, where its memory limit holds', async () => {
      await on('ctr run -d --memory-limit 33554432 test.example/busybox:1 limited /bin/busybox sleep 987654');
      const pid = await on('ctr task ls | awk \'$1 == "limited" { print $2 }\'');
      const limit = await on(`for d in /sys/fs/cgroup/memory /sys/fs/cgroup; do
          g=$d$(sed -n 's/^[0-9]*:\\(memory\\|\\)://p' /proc/${pid}/cgroup | grep limited | head -n 1)
          cat "$g/memory.limit_in_bytes" "$g/memory.max" 2>/dev/null && break
        done; true`);
      assert.match(limit, /33554432/);
      seen = await inhabitants(lab.id);
    });

    await t.test('rules, sysctls and the kernel’s log are at hand for kube-proxy and kubelet', async () => {
      await on(
        'iptables -t nat -N PROBE && iptables -t nat -A PROBE -p tcp -j DNAT --to-destination 192.0.2.1:1 && iptables -t nat -F PROBE',
      );
      await on('nft add table ip probe && nft delete table ip probe && ipset create probe hash:ip && ipset destroy probe');
      await on('sysctl -w vm.overcommit_memory=$(cat /proc/sys/vm/overcommit_memory) >/dev/null && test -r /dev/kmsg');
      await on('ip link add probe type bridge && ip link delete probe && ip netns add probe && ip netns delete probe');
    });

    await t.test('after a power loss containerd is there again and runs containers, those from before are gone', async () => {
      await lab.kill('h1');
      await lab.start('h1');
      await on('systemctl is-active --wait containerd || systemctl start containerd');
      assert.doesNotMatch(await on('ctr task ls'), /RUNNING/);
      assert.equal(await container('', 'echo alive'), 'alive');
    });
  } finally {
    await lab.down();
    await rm(work, { recursive: true, force: true });
  }
  assert.deepEqual(await traces(lab.id, join(cache, 'labs', name), seen), []);
});
