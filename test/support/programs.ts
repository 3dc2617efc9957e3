// Other people's programs, run for comparison.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** Runs a program to its end and returns its standard output; its failure carries what it said. */
export async function run(command: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout } = await execute(command, [...args], { encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, ...environment } });
  return stdout;
}

export type Buildah = (...args: string[]) => Promise<string>;

/** buildah with a storage of its own below `directory`. */
export function buildahIn(directory: string): Buildah {
  const storage = ['--root', `${directory}/storage`, '--runroot', `${directory}/run`, '--storage-driver', 'vfs'];
  return async (...args) => (await run('buildah', [...storage, ...args])).trim();
}
