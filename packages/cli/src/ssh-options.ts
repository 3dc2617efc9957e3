import { readFile } from 'node:fs/promises';
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

export interface SshChoice {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly keyFile: string | undefined;
  readonly passphrase: string | undefined;
  readonly port: number | undefined;
  readonly knownHosts: string | undefined;
}

/** Flags, environment, files and prompts as one set of settings. */
export async function readSshFlags(flags: SshFlags, signal: AbortSignal): Promise<SshChoice> {
  const fromFile = flags.passwdFile === undefined ? undefined : (await readFile(flags.passwdFile, 'utf8')).replace(/\r?\n$/, '');
  return {
    user: flags.user,
    password: fromFile ?? (await secretFrom(flags.passwd, 'SEALOS_PASSWD', 'Password on the hosts: ', signal)),
    keyFile: flags.pk,
    passphrase: await secretFrom(flags.pkPasswd, 'SEALOS_PK_PASSWD', "The key's passphrase: ", signal),
    port: flags.port,
    knownHosts: flags.knownHosts,
  };
}
