// The images that the demo and the cluster tests run: Kubernetes, a pod network and a small application, built by our own commands.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { startDockerRegistry } from '../test/support/docker-registry.ts';
import { cacheRoot } from './debian.ts';

const root = dirname(import.meta.dirname);

export const imageNames = {
  kubernetes: 'localhost/kubernetes:demo',
  hostgw: 'localhost/hostgw:demo',
  whoami: 'localhost/whoami:demo',
} as const;

/** Kubernetes under the next patch version, for upgrades; built only by `buildNextKubernetes`. */
export const nextKubernetes = { image: 'localhost/kubernetes:next', versions: { debian: 'v1.20.3', upstream: 'v1.33.5' } } as const;

export interface BuildOptions {
  /** Image store to build into. */
  readonly storage: string;
  readonly signal?: AbortSignal;
  /** Each line of the builds' output. */
  readonly onLine: (line: string) => void;
}

/** Runs a program to its end, its output line by line. Throws with the last lines when it fails. */
export function runProgram(
  command: readonly string[],
  options: { readonly env?: NodeJS.ProcessEnv; readonly signal?: AbortSignal | undefined; readonly onLine: (line: string) => void },
): Promise<string> {
  const [program = '', ...args] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: options.signal,
    });
    const kept: string[] = [];
    let stdout = '';
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (text: string) => {
        if (stream === child.stdout) stdout += text;
        const lines = (rest + text).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          kept.push(line);
          if (kept.length > 30) kept.shift();
          options.onLine(line);
        }
      });
    }
    child.on('error', reject);
    child.on('close', (status) => {
      if (status === 0) resolve(stdout);
      else reject(new Error(`${command.join(' ')} failed (exit status ${status}):\n${kept.join('\n')}`));
    });
  });
}

/**
 * Builds the three images into a store, through a registry of our own on loopback. Kubernetes is downloaded where the internet is
 * reached, else compiled from Debian's source; both are kept below the cache directory.
 */
export async function buildClusterImages(options: BuildOptions): Promise<void> {
  for (const name of ['kubernetes', 'hostgw', 'whoami'] as const) await buildImage(name, ['-t', imageNames[name]], options);
}

/**
 * Builds the image of the next version of Kubernetes into a store, and returns that version. Where Kubernetes is compiled here, it is the
 * same source under another version's name: a few minutes the first time, seconds after that.
 */
export async function buildNextKubernetes(options: BuildOptions): Promise<string> {
  const chosen = (await runProgram([join(root, 'images/kubernetes/sources/choose.sh')], options)).trim();
  const source = chosen === 'upstream' ? 'upstream' : 'debian';
  const version = nextKubernetes.versions[source];
  await buildImage('kubernetes', ['--source', source, '--version', version, '-t', nextKubernetes.image], options);
  return version;
}

async function buildImage(name: keyof typeof imageNames, args: readonly string[], options: BuildOptions): Promise<void> {
  mkdirSync(cacheRoot, { recursive: true });
  await using registry = await startDockerRegistry({ directory: join(cacheRoot, 'build-registry') });
  const env = { SEALOS_STORAGE: options.storage, SEALOS: join(root, 'sealos') };
  await runProgram(['bash', join(root, 'images', name, 'build.sh'), '--registry', registry.address, ...args], { ...options, env });
}

export function isBuilt(storage: string): boolean {
  return existsSync(join(storage, 'index.json'));
}
