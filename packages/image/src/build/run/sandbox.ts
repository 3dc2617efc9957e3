import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { SealosError } from '../../error.ts';

export interface SandboxRun {
  readonly script: string;
  /** Where the script begins: the paths of its lower directories are relative to it. */
  readonly cwd: string;
  readonly network: 'host' | 'none';
  /** The file that the script makes when the command begins. */
  readonly started: string;
  readonly onOutput?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface SandboxResult {
  /** The command's exit status; 128 and the signal's number for one that a signal ended. */
  readonly status: number;
  /** The last of what it said. */
  readonly tail: string;
}

const TAIL = 4000;
const CAP_SYS_ADMIN = 1n << 21n;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Why a RUN cannot be carried out on this machine; undefined when it can. */
export function whyNoSandbox(): string | undefined {
  if (process.platform !== 'linux') return 'RUN needs Linux';
  const status = readFileSync('/proc/self/status', 'utf8');
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0';
  if ((BigInt(`0x${effective}`) & CAP_SYS_ADMIN) === 0n)
    return 'RUN needs root (CAP_SYS_ADMIN), for an isolated root with namespaces and overlayfs';
  if (!/\boverlay\b/.test(readFileSync('/proc/filesystems', 'utf8')) && !existsSync('/sys/module/overlay')) {
    return 'RUN needs overlayfs, which this kernel does not have loaded (modprobe overlay)';
  }
  return undefined;
}

/**
 * Runs a script as the first process of its own mount, process, host name, message and, without network, net namespaces. Whatever ends
 * this process, SIGKILL too, ends it and all it started, and with the last of them all that it mounted. Throws `no-isolation` when
 * the script fails before the command begins.
 */
export async function runSandbox(run: SandboxRun): Promise<SandboxResult> {
  run.signal?.throwIfAborted();
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--uts', '--ipc', ...(run.network === 'none' ? ['--net'] : [])];
  // The script comes through a pipe: it holds values that must not be seen in a list of processes.
  const shell = ['/bin/sh', '-c', 'eval "$(cat <&3)"'];
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, '--', ...shell], {
    cwd: run.cwd,
    env: { PATH, LC_ALL: 'C', LIBMOUNT_FORCE_MOUNT2: 'always' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const stop = () => child.kill('SIGKILL');
  run.signal?.addEventListener('abort', stop, { once: true });
  let tail = '';
  const hear = (text: string): void => {
    tail = (tail + text).slice(-TAIL);
    run.onOutput?.(text);
  };
  child.stdout?.setEncoding('utf8').on('data', hear);
  child.stderr?.setEncoding('utf8').on('data', hear);
  const input = child.stdio[3];
  if (input && 'write' in input) {
    input.on('error', () => {}); // the child's end says more
    input.end(run.script);
  }
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.once('error', (error) => reject(noIsolation(`setpriv does not start: ${error.message}`)));
      child.once('close', (code, signal) => resolve(code ?? 128 + (signal === 'SIGKILL' ? 9 : 15)));
    });
    run.signal?.throwIfAborted();
    if (!existsSync(run.started)) throw noIsolation(tail.trim().split('\n').at(-1) ?? `exit status ${status}`);
    return { status, tail };
  } finally {
    run.signal?.removeEventListener('abort', stop);
  }
}

function noIsolation(why: string): SealosError {
  return new SealosError('no-isolation', `RUN cannot be isolated here: ${why}`, {
    hint: 'util-linux (unshare, setpriv, mount) and overlayfs are needed, as root',
  });
}
