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
  readonly port?: number;
  readonly knownHosts?: string;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw new InvalidArgumentError('a port is a number from 1 to 65535.');
  return port;
}

export function addSshOptions(command: Command): Command {
  return command
    .option('-u, --user <name>', 'user on the hosts; one that is not root needs sudo (default: root)')
    .option('-p, --passwd [password]', 'password on the hosts; without a value it is asked for (also SEALOS_PASSWD, --passwd-file)')
    .option('--passwd-file <file>', 'file that holds the password on the hosts')
    .option('-i, --pk <file>', 'private key (default: ~/.ssh/id_ed25519, id_ecdsa, id_rsa, and the agent)')
    .option('--pk-passwd [passphrase]', "the key's passphrase; without a value it is asked for (also SEALOS_PK_PASSWD)")
    .option('--port <port>', 'port of sshd on the hosts (default: 22)', parsePort)
    .option('--known-hosts <file>', "file of the hosts' keys (default: ~/.ssh/known_hosts)");
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

async function readPasswordFile(path: string): Promise<string> {
  const { readInputFile } = await import('./input-file.ts');
  return (await readInputFile('--passwd-file', path)).replace(/\r?\n$/, '');
}

/** What is laid over the cluster's own settings, and the secrets and files of this call alone. */
export interface SshChoice {
  readonly ssh: Ssh;
  readonly connection: Omit<Connection, 'localIp'>;
}

/** Flags, environment, files and prompts as one set of settings. */
export async function readSshFlags(flags: SshFlags, signal: AbortSignal): Promise<SshChoice> {
  const fromFile = flags.passwdFile === undefined ? undefined : await readPasswordFile(flags.passwdFile);
  return {
    ssh: {
      ...(flags.user === undefined ? {} : { user: flags.user }),
      ...(flags.pk === undefined ? {} : { pk: flags.pk }),
      ...(flags.port === undefined ? {} : { port: flags.port }),
    },
    connection: {
      password: fromFile ?? (await secretFrom(flags.passwd, 'SEALOS_PASSWD', 'Password on the hosts: ', signal)),
      passphrase: await secretFrom(flags.pkPasswd, 'SEALOS_PK_PASSWD', "The key's passphrase: ", signal),
      knownHosts: flags.knownHosts,
    },
  };
}
