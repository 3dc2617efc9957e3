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

/** A cluster that is measured. */
export interface Shape {
  readonly masters: number;
  readonly workers: number;
  /** `sealos run` may take this many times as long as the bare calls. */
  readonly target: number;
}

export const shapes: readonly Shape[] = [
  { masters: 1, workers: 1, target: 1.5 },
  { masters: 3, workers: 1, target: 1.25 },
];

interface Event {
  readonly kind: string;
  readonly step?: string;
  readonly milliseconds?: number;
}

const EXPECTED = 'SystemVerification,Swap,FileContent--proc-sys-net-bridge-bridge-nf-call-iptables';
const silent = () => {};

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

/** What a step took: on the host where it took longest, or, of those that go host by host, on all together. */
type Phases = Map<string, number>;

function notePhase(phases: Phases, { step = '', milliseconds = 0 }: Event): void {
  const seconds = milliseconds / 1000;
  const before = phases.get(step) ?? 0;
  phases.set(step, step === 'join-masters' ? before + seconds : Math.max(before, seconds));
}

/**
 * Measures `sealos run` of a cluster on new hosts, then the bare kubeadm calls on hosts that sealos has prepared and no more: same machine,
 * same configuration, same images. Control planes join one after the other and workers meanwhile, with both. Prints the phases and the ratio.
 */
export async function benchRun({ masters, workers, target }: Shape): Promise<void> {
  console.log(`bench: sealos run of ${masters}+${workers} beside bare kubeadm on servers made here, about ${2 + 2 * masters} minutes`);
  ensureInstalled(['debootstrap', 'systemd-container', 'iproute2', 'nftables', 'openssh-client']);
  const work = mkdtempSync(join(tmpdir(), 'sealos-bench-run-'));
  const env = { ...process.env, SEALOS_STORAGE: join(work, 'store'), SEALOS_RUNTIME_ROOT: join(work, 'state') };
  const lab = openLab({ name: 'bench' });
  try {
    await buildClusterImages({ storage: env.SEALOS_STORAGE, onLine: silent });
    const hosts = await lab.up({ count: masters + workers });
    const [first, ...others] = hosts;
    if (!first) throw new Error('the lab gave no servers');
    const on = async (host: string, command: string) => runProgram(await lab.ssh(host, [command]), { onLine: silent });
    const login = ['-i', first.sshKey, '--known-hosts', first.knownHosts];
    const ips = (from: number, to: number) =>
      hosts
        .slice(from, to)
        .map(({ ip }) => ip)
        .join(',');
    const roles = ['--masters', ips(0, masters), '--nodes', ips(masters, hosts.length)];

    /** Runs sealos, to its end or until the named step begins. */
    const run = (until?: string) =>
      new Promise<Phases>((resolve, reject) => {
        const phases: Phases = new Map();
        const words = ['run', imageNames.kubernetes, ...roles, ...login, '--log-format', 'json'];
        const child = spawn(sealos, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
        createInterface({ input: child.stdout }).on('line', (line) => {
          const event: Event = JSON.parse(line);
          if (event.kind === 'step-started' && event.step === until) child.kill('SIGKILL');
          if (event.kind === 'step-done') notePhase(phases, event);
        });
        child.on('error', reject);
        child.on('close', (status) =>
          status === 0 || until ? resolve(phases) : reject(new Error(`sealos run failed (exit status ${status})`)),
        );
      });

    let phases: Phases = new Map();
    const ours = await timed(async () => {
      phases = await run();
    });
    const config = await on(first.name, `cat ${CONFIG}`);
    await runProgram([sealos, 'reset', '--yes', ...login], { env, onLine: silent });
    await run('kubeadm-init');
    await on(first.name, `mkdir -p ${dirname(CONFIG)} && cat > ${CONFIG} <<'END'\n${config}\nEND`);
    // The address of the API is part of what sealos does: the bare joins go to the first control plane itself.
    for (const { name } of others)
      await on(name, `sed -i 's/^.*[[:space:]]apiserver.cluster.local.*$/${first.ip} apiserver.cluster.local/' /etc/hosts`);

    const init = await timed(() =>
      on(first.name, `kubeadm init --config ${CONFIG} --skip-phases=addon/coredns --ignore-preflight-errors=ImagePull,${EXPECTED}`),
    );
    const joining = await timed(async () => {
      const command = (await on(first.name, 'kubeadm token create --print-join-command 2>/dev/null')).trim();
      const join = (name: string, flags: string) => on(name, `${command} ${flags} --ignore-preflight-errors=ImagePull,${EXPECTED}`);
      await Promise.all([
        others.slice(0, masters - 1).reduce(async (before, { name }) => {
          await before;
          await join(name, '--control-plane');
        }, Promise.resolve()),
        ...others.slice(masters - 1).map(({ name }) => join(name, '')),
      ]);
    });

    console.log('\nphase                     seconds');
    for (const [step, seconds] of phases) console.log(`${step.padEnd(24)} ${seconds.toFixed(1).padStart(8)}`);
    const theirs = init + joining;
    const ratio = ours / theirs;
    console.log(
      `\nsealos run of ${masters}+${workers} ${ours.toFixed(1)} s; bare kubeadm ${theirs.toFixed(1)} s (init ${init.toFixed(1)}, joins ${joining.toFixed(1)}), its hosts prepared beforehand`,
    );
    console.log(`ratio ${ratio.toFixed(2)}x, target ${target.toFixed(2)}x${ratio > target ? '  TARGET MISSED' : ''}`);
  } finally {
    await lab.down();
    rmSync(work, { recursive: true, force: true });
  }
}
