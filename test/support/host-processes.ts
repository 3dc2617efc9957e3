// What tests of remote commands want to know of processes on this machine.
import { existsSync, readFileSync } from 'node:fs';
import { until } from './until.ts';

const isAlive = (pid: number) => existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));

/** The number that a command under test writes into a file. */
export function pidFrom(file: string): Promise<number> {
  return until(`${file} to be written`, 60_000, async () =>
    existsSync(file) ? Number(readFileSync(file, 'utf8').trim()) || undefined : undefined,
  );
}

/** Waits until a process is gone. */
export async function gone(pid: number): Promise<void> {
  await until(`process ${pid} to be gone`, 60_000, async () => (isAlive(pid) ? undefined : true));
}
