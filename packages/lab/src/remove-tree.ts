import { readFile } from 'node:fs/promises';
import { runCommand, tryCommand } from './command.ts';
import { LabError } from './error.ts';

/** The mount points of /proc/PID/mountinfo (proc(5)), with their type, in the order they were mounted. */
export function parseMounts(mountinfo: string): readonly Mount[] {
  return mountinfo
    .split('\n')
    .filter((line) => line !== '')
    .flatMap((line) => {
      const [before, after] = line.split(' - ');
      const [, , , root, point] = before?.split(' ') ?? [];
      const [type, , options] = after?.split(' ') ?? [];
      if (root === undefined || point === undefined || type === undefined) return [];
      return [{ root: readOctal(root), point: readOctal(point), type, options: (options ?? '').split(',') }];
    });
}

export interface Mount {
  /** Which directory of the file system is seen there; `/` when all of it. */
  readonly root: string;
  readonly point: string;
  readonly type: string;
  /** The file system's own options, where cgroup v1 names its controllers. */
  readonly options: readonly string[];
}

/** proc(5): blanks, tabs, newlines and backslashes are written as octal. */
function readOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export async function readMounts(): Promise<readonly Mount[]> {
  return parseMounts(await readFile('/proc/self/mountinfo', 'utf8'));
}

/**
 * Removes a directory and all in it. What is mounted there is unmounted first, never entered: were it a bind mount, its content is
 * somebody else's. A directory that is not there is no error.
 */
export async function removeTree(path: string): Promise<void> {
  const below = (await readMounts()).filter(({ point }) => point === path || point.startsWith(`${path}/`));
  for (const { point } of below.reverse()) await runCommand(['umount', '--lazy', '--', point]);
  const remove = ['rm', '-rf', '--one-file-system', '--', path];
  if ((await tryCommand(remove)).status === 0) return;
  // Some programs protect their directories with the immutable flag, which even root must take away first.
  await tryCommand(['chattr', '-R', '-f', '-i', '-a', '--', path]);
  const { status, tail } = await tryCommand(remove);
  if (status !== 0) throw new LabError('lab-not-removed', `${path} cannot be removed: ${tail}`);
}
