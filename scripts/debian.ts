// Programs of the distribution that the demo and the tests need: installed with apt-get, or unpacked beside the system so that no service of theirs starts.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export const cacheRoot = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos');

function run(command: string, args: readonly string[], cwd?: string): void {
  const result = spawnSync(command, args, {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' },
  });
  if (result.error) throw new Error(`${command} did not start: ${result.error.message}`);
  if (result.status === 0) return;
  const output = `${result.stdout}${result.stderr}`.trim().split('\n').slice(-12).join('\n');
  throw new Error(`${[command, ...args].join(' ')} failed (exit status ${result.status}):\n${output}`);
}

function isInstalled(name: string): boolean {
  const result = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Status}', name], { encoding: 'utf8' });
  return result.status === 0 && result.stdout === 'installed';
}

const APT = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'];
let listsRead = false;

function readLists(): void {
  if (!listsRead) run('apt-get', [...APT, 'update']);
  listsRead = true;
}

/** Installs what is missing of the named Debian packages. Needs root and says so in one line. */
export function ensureInstalled(names: readonly string[]): void {
  const missing = names.filter((name) => !isInstalled(name));
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0) {
    throw new Error(`root is needed to install the Debian packages ${missing.join(' ')}: run this command as root, or install them first.`);
  }
  process.stderr.write(`installing ${missing.join(' ')}\n`);
  readLists();
  run('apt-get', [...APT, 'install', '--no-install-recommends', ...missing]);
}

/** Downloads a Debian package and unpacks it into the cache without installing it; returns the directory that holds its files (`usr/bin/…`). */
export function unpacked(name: string): string {
  const directory = join(cacheRoot, 'debian', name);
  if (existsSync(directory)) return directory;
  process.stderr.write(`downloading the Debian package ${name}\n`);
  mkdirSync(join(cacheRoot, 'debian'), { recursive: true });
  const temporary = mkdtempSync(join(cacheRoot, 'debian', '.new-'));
  try {
    if (process.getuid?.() === 0) readLists();
    run('apt-get', [...APT, 'download', '-o', 'APT::Sandbox::User=root', name], temporary);
    const file = readdirSync(temporary).find((entry) => entry.endsWith('.deb'));
    if (file === undefined) throw new Error(`apt-get download ${name} left no package`);
    run('dpkg-deb', ['-x', join(temporary, file), join(temporary, 'root')]);
    renameSync(join(temporary, 'root'), directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return directory;
}
