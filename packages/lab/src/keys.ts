import { randomInt } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from './command.ts';
import type { LabPaths } from './layout.ts';
import { writeAtomic } from './state.ts';

/** The lab has a key pair for its users and a password, both readable by their owner only. */
export async function ensureCredentials(paths: LabPaths, signal: AbortSignal): Promise<void> {
  await makeKey(paths.key, 'sealos-lab', signal);
  if (!(await exists(paths.password))) await writeAtomic(paths.password, `${randomPassword()}\n`, 0o600);
}

/** The password of root, op and opp on every host of the lab. */
export async function readPassword(paths: LabPaths): Promise<string> {
  return (await readFile(paths.password, 'utf8')).trim();
}

/** The key that a host shows to who connects; made once, kept when the host is reset. */
export async function ensureHostKey(paths: LabPaths, host: string, signal: AbortSignal): Promise<string> {
  await mkdir(paths.hostKeys, { recursive: true, mode: 0o700 });
  const path = join(paths.hostKeys, host);
  await makeKey(path, host, signal);
  return path;
}

/** Writes the lab's known_hosts (sshd(8)): the address of each host and its key. */
export async function writeKnownHosts(paths: LabPaths, hosts: readonly { readonly name: string; readonly ip: string }[]): Promise<void> {
  const lines: string[] = [];
  for (const { name, ip } of hosts) {
    const [type, key] = (await readFile(join(paths.hostKeys, `${name}.pub`), 'utf8')).split(' ');
    lines.push(`${ip} ${type} ${key}`.trim());
  }
  await writeAtomic(paths.knownHosts, lines.map((line) => `${line}\n`).join(''), 0o600);
}

async function makeKey(path: string, comment: string, signal: AbortSignal): Promise<void> {
  if (await exists(path)) return;
  const draft = `${path}.new`;
  await rm(draft, { force: true });
  await runCommand(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', draft], { signal });
  // The private half last: where it is, both are.
  await rename(`${draft}.pub`, `${path}.pub`);
  await rename(draft, path);
}

const LETTERS = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789';

/** Twenty letters and digits, those that look alike left out: more than 115 bits. */
function randomPassword(): string {
  return Array.from({ length: 20 }, () => LETTERS[randomInt(LETTERS.length)]).join('');
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
