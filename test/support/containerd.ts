// A containerd of its own for a test: its state below a directory, its process ended with the test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unpacked } from '../../scripts/debian.ts';
import { run } from './programs.ts';
import { until } from './until.ts';

export interface Containerd extends AsyncDisposable {
  /** Runs `ctr` against it. */
  ctr(...args: string[]): Promise<string>;
}

/** Starts containerd (Debian's package, unpacked beside the system) below a directory. Needs root. */
export async function startContainerd(directory: string): Promise<Containerd> {
  const bin = join(unpacked('containerd'), 'usr', 'bin');
  const socket = join(directory, 'containerd.sock');
  await mkdir(directory, { recursive: true });
  const config = [
    'version = 2',
    `root = "${directory}/root"`,
    `state = "${directory}/state"`,
    'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]',
    '[grpc]',
    `address = "${socket}"`,
  ];
  await writeFile(join(directory, 'config.toml'), `${config.join('\n')}\n`);
  const daemon = spawn(join(bin, 'containerd'), ['--config', join(directory, 'config.toml')], { stdio: ['ignore', 'ignore', 'ignore'] });
  const ended = once(daemon, 'exit');
  const ctr = (...args: string[]) => run(join(bin, 'ctr'), ['--address', socket, ...args]);
  const stop = async (): Promise<void> => {
    daemon.kill('SIGTERM');
    await ended;
  };
  try {
    await until('containerd to answer', 30_000, () => ctr('version'));
  } catch (error) {
    await stop();
    throw error;
  }
  return { ctr, [Symbol.asyncDispose]: stop };
}
