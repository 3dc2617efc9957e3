import type { Connection, Ssh } from '@sealos/runtime';
import { type Command, InvalidArgumentError } from 'commander';
import { ask } from './prompt.ts';

/** The flags of every command that reaches hosts (sealos-interop.md §1.2). */
export interface SshFlags {
  readonly user?: string;
  /** `true`: ask for it. */
  readonly passwd?: string | true;
  readonly passwdFile?: string;
  readonly pk?: string;
  readonly pkPasswd?: string | true;
  readonly pkPasswdFile?: string;
  readonly port?: number;
  readonly knownHosts?: string;
  readonly agent?: string;
  readonly jump?: string;
  readonly jumpPk?: string;
  readonly jumpPasswdFile?: string;
  readonly sshConfig?: string;
}

/** A port as a flag's value. */
export function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError('a port is a number from 1 to 65535.');
  return port;
}

/** `password`: the flag of the password, where a command means something else by `-p`. */
export function addSshOptions(command: Command, password = '-p, --passwd [password]'): Command {
  return command
    .option('-u, --user <name>', 'user on the hosts; one that is not root needs sudo (default: root)')
    .option(password, 'password on the hosts; without a value it is asked for (also SEALOS_PASSWD, --passwd-file)')
    .option('--passwd-file <file>', 'file that holds the password on the hosts')
    .option('-i, --pk <file>', 'private key (default: ~/.ssh/id_ed25519, id_ecdsa, id_rsa, and the agent)')
    .option('--pk-passwd [passphrase]', "the key's passphrase; without a value it is asked for (also SEALOS_PK_PASSWD)")
    .option('--pk-passwd-file <file>', "file that holds the key's passphrase")
    .option('--agent <socket>', "socket of an SSH agent, or 'none' (default: SSH_AUTH_SOCK)")
    .option('--port <port>', 'port of sshd on the hosts (default: 22)', parsePort)
    .option('--known-hosts <file>', "file of the hosts' keys (default: ~/.ssh/known_hosts)")
    .option('-J, --jump <hosts>', "jump hosts, [user@]host[:port], several separated by commas; 'none' for none")
    .option('--jump-pk <file>', 'private key for the jump hosts (default: the same as for the hosts)')
    .option('--jump-passwd-file <file>', 'file that holds the password on the jump hosts (also SEALOS_JUMP_PASSWD; default: the same)')
    .option('--ssh-config <file>', "configuration of the SSH client, or 'none' (default: ~/.ssh/config)");
}

async function secretFrom(
  flag: string | true | undefined,
  variable: string,
  question: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (flag === true) return ask(question, { hidden: true, signal });
  return flag ?? (process.env[variable] || undefined);
}

async function readSecretFile(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const { readInputFile } = await import('./input-file.ts');
  return (await readInputFile(flag, path)).replace(/\r?\n$/, '');
}

/** Asks for the passphrase of each key once, one after the other, whatever the number of hosts; undefined where there is no terminal. */
function passphraseAsker(signal: AbortSignal): (key: string) => Promise<string | undefined> {
  const asked = new Map<string, Promise<string | undefined>>();
  let last: Promise<unknown> = Promise.resolve();
  return (key) => {
    const known = asked.get(key);
    if (known) return known;
    const question = `Passphrase of ${key}: `;
    const answer = process.stdin.isTTY ? last.then(() => ask(question, { hidden: true, signal })) : Promise.resolve(undefined);
    last = answer.catch(() => {});
    asked.set(key, answer);
    return answer;
  };
}

/** What is laid over the cluster's own settings, and the secrets and files of this call alone. */
export interface SshChoice {
  readonly ssh: Ssh;
  readonly connection: Omit<Connection, 'localIp'>;
}

/** Flags, environment, files and prompts as one set of settings. */
export async function readSshFlags(flags: SshFlags, signal: AbortSignal): Promise<SshChoice> {
  if (flags.jump !== undefined) {
    const { parseJumps } = await import('@sealos/runtime');
    parseJumps(flags.jump);
  }
  const password = await readSecretFile('--passwd-file', flags.passwdFile);
  const passphrase = await readSecretFile('--pk-passwd-file', flags.pkPasswdFile);
  const jumpPassword = await readSecretFile('--jump-passwd-file', flags.jumpPasswdFile);
  return {
    ssh: {
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags.pk === undefined ? {} : { pk: flags.pk }),
      ...(flags.port === undefined ? {} : { port: flags.port }),
      ...(flags.jump === undefined ? {} : { proxyJump: flags.jump }),
    },
    connection: {
      password: password ?? (await secretFrom(flags.passwd, 'SEALOS_PASSWD', 'Password on the hosts: ', signal)),
      passphrase: passphrase ?? (await secretFrom(flags.pkPasswd, 'SEALOS_PK_PASSWD', "The key's passphrase: ", signal)),
      knownHosts: flags.knownHosts,
      agent: flags.agent,
      sshConfig: flags.sshConfig,
      jump: { password: jumpPassword ?? (process.env['SEALOS_JUMP_PASSWD'] || undefined), keyFile: flags.jumpPk },
      askPassphrase: passphraseAsker(signal),
    },
  };
}
