// A guest with Debian's stock kernel, which has IPVS, and the root directory of a container image: qemu, with the processor emulated where it has to be.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled, unpacked } from '../../scripts/debian.ts';
import { until } from './until.ts';

/** Where the guest finds this machine's loopback, and its own address: those of qemu's user network. */
export const HOST_IN_GUEST = '10.0.2.2';
export const GUEST_IP = '10.0.2.15';

export interface Guest extends AsyncDisposable {
  /** Runs a line of shell in the guest; its output, errors too. Throws when it fails. */
  run(line: string): Promise<string>;
}

/** Directories of modules that the guest needs, below `kernel/`. */
const MODULES = ['arch/x86/crypto', 'crypto', 'drivers/net', 'drivers/virtio', 'lib', 'net/core', 'net/ipv4', 'net/ipv6', 'net/netfilter'];

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
for module in virtio_pci virtio_net; do modprobe $module; done
ip link set lo up; ip link set eth0 up; ip addr add ${GUEST_IP}/24 dev eth0
stty -echo -onlcr
echo GUEST-READY
while read -r line; do eval "$line" 2>&1; echo "GUEST-END $?"; done
poweroff -f
`;

/** The newest stock kernel that Debian names. */
function kernelPackage(): string {
  const depends = execFileSync('apt-cache', ['depends', 'linux-image-cloud-amd64'], { encoding: 'utf8' });
  const name = /linux-image-\d\S*/.exec(depends)?.[0];
  if (name === undefined) throw new Error('apt-cache names no kernel that linux-image-cloud-amd64 depends on');
  return name;
}

/** Turns a root directory into the guest's first file system, with modules and an init that takes commands. */
function makeInitrd(root: string, kernel: string, release: string, file: string): void {
  const modules = join(root, 'lib/modules', release);
  for (const path of MODULES)
    cpSync(join(kernel, 'lib/modules', release, 'kernel', path), join(modules, 'kernel', path), { recursive: true });
  for (const name of ['modules.order', 'modules.builtin', 'modules.builtin.modinfo'])
    cpSync(join(kernel, 'lib/modules', release, name), join(modules, name));
  execFileSync('depmod', ['-b', root, release]);
  for (const name of ['proc', 'sys', 'dev', 'etc', 'root']) mkdirSync(join(root, name), { recursive: true });
  writeFileSync(join(root, 'init'), INIT, { mode: 0o755 });
  execFileSync('sh', ['-c', 'find . | cpio --quiet -o -H newc > "$0"', file], { cwd: root });
}

/** Boots a guest from an image's root directory, to which it adds what it needs. Needs root. */
export async function bootGuest(root: string): Promise<Guest> {
  ensureInstalled(['qemu-system-x86', 'kmod', 'cpio']);
  const kernel = unpacked(kernelPackage());
  const release = readdirSync(join(kernel, 'lib/modules'))[0] ?? '';
  const directory = mkdtempSync(join(tmpdir(), 'sealos-guest-'));
  const initrd = join(directory, 'initrd');
  let machine: ChildProcess | undefined;
  let said = '';
  const dispose = async () => {
    if (machine !== undefined && machine.exitCode === null && machine.signalCode === null) {
      const gone = once(machine, 'exit');
      machine.kill('SIGKILL');
      await gone;
    }
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    makeInitrd(root, kernel, release, initrd);
    // Emulated also where there is /dev/kvm: a machine that is a guest itself often cannot lend it on.
    const hardware = ['-accel', 'tcg', '-cpu', 'max', '-m', '1024', '-no-reboot', '-display', 'none', '-monitor', 'none'];
    const network = ['-netdev', 'user,id=net', '-device', 'virtio-net-pci,netdev=net'];
    const boot = ['-kernel', join(kernel, `boot/vmlinuz-${release}`), '-initrd', initrd, '-append', 'console=ttyS0 quiet panic=-1'];
    machine = spawn('qemu-system-x86_64', [...hardware, ...network, ...boot, '-serial', 'stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
    machine.stdout?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await until('the guest to boot', 120_000, async () => {
      if (machine?.exitCode !== null || machine.signalCode !== null) throw new Error(`qemu ended: ${said}`);
      return said.includes('GUEST-READY') || undefined;
    });
  } catch (error) {
    await dispose();
    throw new Error(`the guest did not start:\n${said}`, { cause: error });
  }
  const { stdin } = machine;
  return {
    async run(line) {
      said = '';
      stdin?.write(`${line}\n`);
      const status = await until(`'${line}' to end`, 60_000, async () => /GUEST-END (\d+)/.exec(said)?.[1]);
      const output = said.slice(0, said.indexOf('GUEST-END')).replaceAll('\r', '');
      if (status !== '0') throw new Error(`'${line}' failed in the guest (exit status ${status}): ${output}`);
      return output;
    },
    [Symbol.asyncDispose]: dispose,
  };
}
