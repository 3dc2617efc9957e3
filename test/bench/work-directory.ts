import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'sealos-bench-work-';

export interface WorkDirectory extends Disposable {
  readonly path: string;
}

/**
 * A directory for what is measured, away with all that is mounted in it when disposed of; what a killed benchmark left is removed first.
 * Throws when the disk has not `bytes` free.
 */
export function openWorkDirectory(bytes: number): WorkDirectory {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^${PREFIX}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) remove(join(tmpdir(), name));
  }
  const { bavail, bsize } = statfsSync(tmpdir());
  if (bavail * bsize < bytes) {
    const gigabytes = (value: number) => (value / 1e9).toFixed(1);
    throw new Error(
      `${tmpdir()} has ${gigabytes(bavail * bsize)} GB free, and this needs ${gigabytes(bytes)} GB: set TMPDIR to another disk`,
    );
  }
  const path = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  return { path, [Symbol.dispose]: () => remove(path) };
}

/** Removes a directory, with what a container program that was killed left mounted there. */
export function remove(path: string): void {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((point) => point.startsWith(`${path}/`));
  for (const point of mounts.sort().reverse()) spawnSync('umount', ['--lazy', point]);
  rmSync(path, { recursive: true, force: true });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
