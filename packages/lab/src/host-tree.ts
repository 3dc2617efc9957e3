import { randomBytes } from 'node:crypto';
import { chmod, chown, copyFile, mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BASE_USERS } from './base-recipe.ts';
import { runCommand } from './command.ts';
import { removeTree } from './remove-tree.ts';

/** What makes a host's tree differ from the base and from other hosts. */
export interface HostIdentity {
  readonly name: string;
  readonly ip: string;
  readonly gateway: string;
  /** Bits of the network's mask. */
  readonly prefixLength: number;
  /** File names: the public key that may log in, the host's own private key (its public half is beside it, `.pub`). */
  readonly userKey: string;
  readonly hostKey: string;
  readonly password: string;
}

/**
 * Copies the base system for one host: a real directory, as the overlayfs that containerd uses inside cannot lie on another one. It
 * appears under its name (`directory`/root) only when it is whole; `draft` is its temporary name.
 */
export async function makeHostTree(
  base: string,
  place: { readonly directory: string; readonly draft: string },
  identity: HostIdentity,
  signal: AbortSignal,
): Promise<void> {
  await removeTree(place.draft);
  await mkdir(place.draft, { recursive: true, mode: 0o700 });
  const root = join(place.draft, 'root');
  await runCommand(['cp', '-a', '--reflink=auto', '--', base, root], { signal });
  await personalise(root, identity, signal);
  await removeTree(place.directory);
  await rename(place.draft, place.directory);
}

async function personalise(root: string, identity: HostIdentity, signal: AbortSignal): Promise<void> {
  const { name, ip, gateway, prefixLength } = identity;
  await writeFile(join(root, 'etc/hostname'), `${name}\n`);
  await writeFile(join(root, 'etc/hosts'), `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${ip} ${name}\n`);
  await writeFile(join(root, 'etc/machine-id'), `${randomBytes(16).toString('hex')}\n`, { mode: 0o444 });
  await writeFile(join(root, 'etc/lab-address'), `ADDRESS=${ip}/${prefixLength}\nGATEWAY=${gateway}\n`);
  await copyFile(identity.hostKey, join(root, 'etc/ssh/ssh_host_ed25519_key'));
  await chmod(join(root, 'etc/ssh/ssh_host_ed25519_key'), 0o600);
  await copyFile(`${identity.hostKey}.pub`, join(root, 'etc/ssh/ssh_host_ed25519_key.pub'));
  const publicKey = await readFile(identity.userKey, 'utf8');
  for (const home of ['root', ...(await readdir(join(root, 'home'))).map((user) => join('home', user))]) {
    await authorise(join(root, home), publicKey);
  }
  await setPassword(root, ['root', ...BASE_USERS], identity.password, signal);
}

/**
 * Writes the password's hash (crypt(5), sha512) into the tree. Not with chpasswd, whose fsync would wait until
 * the whole copy is on the disk; the hash comes from the tree's own Perl, which every Debian has.
 */
async function setPassword(root: string, users: readonly string[], password: string, signal: AbortSignal): Promise<void> {
  const salt = `$6$${randomBytes(8).toString('hex')}$`;
  const script = 'chomp(my $word = <STDIN>); print crypt($word, $ARGV[0])';
  const hash = await runCommand(['chroot', root, '/usr/bin/perl', '-e', script, salt], { signal, input: `${password}\n` });
  const path = join(root, 'etc/shadow');
  const lines = (await readFile(path, 'utf8')).split('\n').map((line) => {
    const [user = '', , ...others] = line.split(':');
    return users.includes(user) ? [user, hash, ...others].join(':') : line;
  });
  await writeFile(path, lines.join('\n'));
}

async function authorise(home: string, publicKey: string): Promise<void> {
  const { uid, gid } = await stat(home);
  const directory = join(home, '.ssh');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await writeFile(join(directory, 'authorized_keys'), publicKey, { mode: 0o600 });
  for (const path of [directory, join(directory, 'authorized_keys')]) await chown(path, uid, gid);
}
