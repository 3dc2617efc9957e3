import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { openLab } from '@sealos/lab';
import { buildClusterImages, imageNames, runProgram } from '../../scripts/cluster-images.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { writePart } from './page.ts';

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
const ROUNDS = 3;

/** The one in the middle, by a number of it. */
function middle<T>(list: readonly T[], of: (one: T) => number): T {
  const sorted = [...list].sort((a, b) => of(a) - of(b));
  return sorted[Math.floor(sorted.length / 2)] as T;
}

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
 * same configuration, same images. Control planes join one after the other and workers meanwhile, with both. Several rounds, of which the median
 * counts: the controllers of a new cluster start in no certain order, and bare joins wait up to ten seconds more or less for theirs. Says the
 * phases and the ratio, and writes them into the page.
 */
export async function benchRun({ masters, workers, target }: Shape, say: (line: string) => void): Promise<void> {
  const begun = new Date();
  say(
    `bench: sealos run of ${masters}+${workers} beside bare kubeadm on servers made here, the median of ${ROUNDS} rounds, about ${ROUNDS * (1 + masters)} minutes`,
  );
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

    /** Runs sealos, to its end or until one of the named steps begins. */
    const run = (...until: readonly string[]) =>
      new Promise<Phases>((resolve, reject) => {
        const phases: Phases = new Map();
        const words = ['run', imageNames.kubernetes, ...roles, ...login, '--log-format', 'json'];
        const child = spawn(sealos, words, { env, stdio: ['ignore', 'pipe', 'inherit'] });
        createInterface({ input: child.stdout }).on('line', (line) => {
          const event: Event = JSON.parse(line);
          if (event.kind === 'step-started' && until.includes(event.step ?? '')) child.kill('SIGKILL');
          if (event.kind === 'step-done') notePhase(phases, event);
        });
        child.on('error', reject);
        child.on('close', (status) =>
          status === 0 || until.length > 0 ? resolve(phases) : reject(new Error(`sealos run failed (exit status ${status})`)),
        );
      });

    const reset = () => runProgram([sealos, 'reset', '--yes', ...login], { env, onLine: silent });

    const round = async () => {
      let phases: Phases = new Map();
      const ours = await timed(async () => {
        phases = await run();
      });
      const repeated = await timed(() => run());
      const config = await on(first.name, `cat ${CONFIG}`);
      await reset();
      // kubeadm pulls the images in its own time.
      await run('images-of-first', 'kubeadm-init');
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
      await reset();
      return { phases, ours, repeated, init, joining, theirs: init + joining };
    };

    const rounds: Awaited<ReturnType<typeof round>>[] = [];
    while (rounds.length < ROUNDS) rounds.push(await round());
    const { phases, ours, repeated } = middle(rounds, (one) => one.ours);
    const { init, joining, theirs } = middle(rounds, (one) => one.theirs);
    const ratio = ours / theirs;
    const cells: readonly (readonly [what: string, seconds: number])[] = [
      ...phases,
      ['**sealos run, all of it**', ours],
      ['bare kubeadm init', init],
      ['bare kubeadm joins', joining],
      ['sealos run, repeated: nothing is to do', repeated],
    ];
    const lines = [
      `${masters} control plane${masters === 1 ? '' : 's'} and ${workers} worker${workers === 1 ? '' : 's'}:`,
      '',
      '| step | seconds |',
      '|---|---|',
      ...cells.filter(([, seconds]) => seconds >= 0.05).map(([what, seconds]) => `| ${what} | ${seconds.toFixed(1)} |`),
      '',
      `\`run\` takes ${ratio.toFixed(2)}x the time of the bare kubeadm calls on hosts prepared beforehand (target at most ${target.toFixed(2)}x: ${ratio > target ? '**missed**' : 'met'}).`,
    ];
    say(`\n${lines.join('\n')}\n`);
    writePart(`clusters of ${masters}+${workers}`, lines, begun);
  } finally {
    await lab.down();
    rmSync(work, { recursive: true, force: true });
  }
}
