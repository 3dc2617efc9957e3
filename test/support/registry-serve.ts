// Our own registry, started as a user starts it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { sealos } from './registry-images.ts';

export interface ServedRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`, as in an image's name. */
  readonly address: string;
  readonly child: ChildProcess;
  /** Ends it with a signal and returns its exit status; null: the signal ended it. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
}

/** Runs `sealos registry serve` with these arguments; it answers when this returns. */
export async function startSealosRegistry(...args: readonly string[]): Promise<ServedRegistry> {
  const child = spawn(sealos, ['registry', 'serve', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);
  const closed = once(child, 'close');
  const said: string[] = [];
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  const address = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^serving .* at https?:\/\/(\S+)$/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    closed.then(() => reject(new Error(`it ended: ${said.join('')}`)), reject);
  });
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    child.kill(signal);
    await closed;
    process.removeListener('exit', kill);
    return child.exitCode;
  };
  return {
    address,
    child,
    end,
    async [Symbol.asyncDispose]() {
      await end('SIGTERM');
    },
  };
}
