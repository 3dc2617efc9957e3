import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { openLab } from '@sealos/lab';
import { buildClusterImages, imageNames, runProgram } from '../../scripts/cluster-images.ts';
import { ensureInstalled } from '../../scripts/debian.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const CONFIG = '/var/lib/sealos/data/default/etc/kubeadm-init.yaml';
const TARGET = 1.5;

interface Event {
  readonly kind: string;
  readonly step?: string;
  readonly milliseconds?: number;
}

/**
 * Measures `sealos run` of a control plane and a worker on new hosts, then the bare kubeadm calls on hosts that sealos has prepared and
 * no more: same machine, same configuration, same images. Prints the phases and the ratio.
 */
export async function benchRun(): Promise<void> {
  console.log('bench: sealos run beside bare kubeadm on two servers made here, about 4 minutes');
  ensureInstalled(['debootstrap', 'systemd-container', 'iproute2', 'nftables', 'openssh-client']);
  const work = mkdtempSync(join(tmpdir(), 'sealos-bench-run-'));
  const env = { ...process.env, SEALOS_STORAGE: join(work, 'store'), SEALOS_RUNTIME_ROOT: join(work, 'state') };
  const lab = openLab({ name: 'bench' });
  const silent = () => {};
  try {
    await buildClusterImages({ storage: env.SEALOS_STORAGE, onLine: silent });
    const [first, second] = await lab.up({ count: 2 });
    if (!first || !second) throw new Error('the lab gave no two servers');
    const on = async (host: string, command: string) => runProgram(await lab.ssh(host, [command]), { onLine: silent });
    const known = ['--known-hosts', first.knownHosts];
    const words = [
      'run',
      imageNames.kubernetes,
      '--masters',
      first.ip,
      '--nodes',
      second.ip,
      '-i',
      first.sshKey,
      ...known,
      '--log-format',
      'json',
    ];

    /** Runs sealos, to its end or until the named step begins; returns seconds for each step. */
    const run = (until?: string) =>
      new Promise<Map<string, number>>((resolve, reject) => {
        const steps = new Map<string, number>();
        const child = spawn(sealos, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
        createInterface({ input: child.stdout }).on('line', (line) => {
          const event: Event = JSON.parse(line);
          if (event.kind === 'step-started' && event.step === until) child.kill('SIGKILL');
          if (event.kind === 'step-done' && event.step)
            steps.set(event.step, Math.max(steps.get(event.step) ?? 0, (event.milliseconds ?? 0) / 1000));
        });
        child.on('close', (status) =>
          status === 0 || until ? resolve(steps) : reject(new Error(`sealos run failed (exit status ${status})`)),
        );
      });
    const timed = async (work: () => Promise<unknown>) => {
      const started = performance.now();
      await work();
      return (performance.now() - started) / 1000;
    };

    let phases = new Map<string, number>();
    const ours = await timed(async () => {
      phases = await run();
    });
    const config = await on(first.name, `cat ${CONFIG}`);
    await runProgram([sealos, 'reset', '--yes', '-i', first.sshKey, ...known], { env, onLine: silent });
    await run('kubeadm-init');
    await on(first.name, `mkdir -p ${dirname(CONFIG)} && cat > ${CONFIG} <<'END'\n${config}\nEND`);
    const init = await timed(() =>
      on(
        first.name,
        `kubeadm init --config ${CONFIG} --skip-phases=addon/coredns --ignore-preflight-errors=SystemVerification,ImagePull,Swap,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables`,
      ),
    );
    // The virtual address is part of what sealos does: the bare join goes to the control plane itself.
    await on(second.name, `sed -i 's/^.*[[:space:]]apiserver.cluster.local.*$/${first.ip} apiserver.cluster.local/' /etc/hosts`);
    const joining = await timed(async () => {
      const command = (await on(first.name, 'kubeadm token create --print-join-command 2>/dev/null')).trim();
      await on(
        second.name,
        `${command} --ignore-preflight-errors=SystemVerification,Swap,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables`,
      );
    });

    console.log('\nphase (slowest host)      seconds');
    for (const [step, seconds] of phases) console.log(`${step.padEnd(24)} ${seconds.toFixed(1).padStart(8)}`);
    const theirs = init + joining;
    const ratio = ours / theirs;
    console.log(
      `\nsealos run ${ours.toFixed(1)} s; bare kubeadm ${theirs.toFixed(1)} s (init ${init.toFixed(1)}, join ${joining.toFixed(1)}), its hosts prepared beforehand`,
    );
    console.log(`ratio ${ratio.toFixed(2)}x, target ${TARGET.toFixed(2)}x${ratio > TARGET ? '  TARGET MISSED' : ''}`);
  } finally {
    await lab.down();
    rmSync(work, { recursive: true, force: true });
  }
}
