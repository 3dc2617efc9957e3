// The command line from source, with a store, a state and a home of its own.
import { spawn } from 'node:child_process';
import { join } from 'node:path';

const SEALOS = new URL('../../sealos', import.meta.url).pathname;

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs sealos to its end, whatever that is; its store and its state are `store` and `state` of the directory. */
export function runSealos(directory: string, ...words: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      HOME: directory,
      SEALOS_STORAGE: join(directory, 'store'),
      SEALOS_RUNTIME_ROOT: join(directory, 'state'),
      SSH_AUTH_SOCK: '',
    };
    const child = spawn(SEALOS, words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}
