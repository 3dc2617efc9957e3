// What a test of a real cluster needs: empty servers, an operator with a store and a state of its own, and a shell on every server.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type Lab, type LabHost, openLab } from '@sealos/lab';
import { buildClusterImages, runProgram } from '../../scripts/cluster-images.ts';
import { executableIn } from '../support/executable.ts';
import { until } from '../support/until.ts';

export interface Told {
  readonly stdout: string;
  readonly stderr: string;
}

export interface LabCluster {
  readonly lab: Lab;
  readonly hosts: readonly LabHost[];
  readonly host: (index: number) => LabHost;
  /** Runs sealos to its end. Throws with the last lines when it fails. */
  readonly sealos: (...args: readonly string[]) => Promise<string>;
  /** The same, for those who look at what is said on standard error. */
  readonly told: (...args: readonly string[]) => Promise<Told>;
  /** The flags for the hosts' keys, two words each. */
  readonly login: readonly string[];
  /** Runs a command on a host as root, by OpenSSH. */
  readonly on: (index: number, command: string) => Promise<string>;
  /** Waits until so many nodes are ready, as kubectl on the first host tells. */
  readonly ready: (count: number) => Promise<void>;
  readonly work: string;
  /** The operator's. */
  readonly storage: string;
  readonly state: string;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Where and with what a test makes its images. */
export interface Making {
  readonly work: string;
  /** The operator's store. */
  readonly storage: string;
  /** Runs sealos with the operator's store, or with another one. */
  readonly call: (...args: readonly string[]) => Promise<string>;
  readonly callIn: (storage: string, ...args: readonly string[]) => Promise<string>;
}

export interface LabClusterOptions {
  readonly name: string;
  readonly count: number;
  /** Makes what the test runs; the project's own images are in the store. */
  readonly build: (making: Making) => Promise<void>;
}

/** Names a store that has the project's own images already: several tests run one after the other, and need not each build them. */
export const BUILT_IMAGES = 'SEALOS_TEST_BUILT_IMAGES';

const log = (line: string) => console.log(`# ${line}`);

/** Makes the images and empty servers; removes all of them when it is disposed of. */
export async function openLabCluster({ name, count, build }: LabClusterOptions): Promise<LabCluster> {
  const lab = openLab({ name });
  const work = mkdtempSync(join(tmpdir(), `sealos-${name}-`));
  const storage = join(work, 'store');
  const state = join(work, 'state');
  const env = { SEALOS_STORAGE: storage, SEALOS_RUNTIME_ROOT: state };
  // The executable, not the sources: it puts itself on the control planes.
  let sealos = '';
  const call = (...args: readonly string[]) => runProgram([sealos, ...args], { env, onLine: log });
  const callIn = (other: string, ...args: readonly string[]) =>
    runProgram([sealos, ...args], { env: { ...env, SEALOS_STORAGE: other }, onLine: log });
  const dispose = async () => {
    await lab.down();
    rmSync(work, { recursive: true, force: true });
  };
  try {
    mkdirSync(state);
    const building = async () => {
      sealos = await executableIn(work);
      const built = process.env[BUILT_IMAGES];
      if (built === undefined) await buildClusterImages({ storage, onLine: log });
      else cpSync(built, storage, { recursive: true });
      await build({ work, storage, call, callIn });
    };
    // What a run that was cut off left there is no empty server.
    const upAnew = async () => {
      await lab.down();
      return lab.up({ count });
    };
    // Neither is left at work when the other fails.
    const [up, built] = await Promise.allSettled([upAnew(), building()]);
    if (up.status === 'rejected') throw up.reason;
    if (built.status === 'rejected') throw built.reason;
    const hosts = up.value;
    const host = (index: number) => {
      const found = hosts[index];
      if (!found) throw new Error(`the lab has no server ${index + 1}`);
      return found;
    };
    const on = async (index: number, command: string) => runProgram(await lab.ssh(host(index).name, [command]), { onLine: () => {} });
    return {
      lab,
      hosts,
      host,
      sealos: call,
      told: (...args) => tell([sealos, ...args], env),
      login: ['-i', host(0).sshKey, '--known-hosts', host(0).knownHosts],
      on,
      async ready(nodes) {
        await until(`${nodes} nodes to be ready`, 400_000, async () =>
          (await on(0, 'kubectl get nodes --no-headers')).match(/ Ready /g)?.length === nodes ? true : undefined,
        );
      },
      work,
      storage,
      state,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function tell([program = '', ...args]: readonly string[], env: NodeJS.ProcessEnv): Promise<Told> {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  const [stdout, stderr, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status !== 0) throw new Error(`sealos ${args.join(' ')} ended with ${status}:\n${stdout.slice(-3000)}\n${stderr.slice(-3000)}`);
  return { stdout, stderr };
}
