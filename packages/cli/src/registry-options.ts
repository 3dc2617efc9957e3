import type { OnTransfer, RegistryOptions } from '@sealos/image';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { ask } from './prompt.ts';

/** The flags of every command that talks to a registry (sealos-interop.md §1.5). */
export interface RegistryFlags {
  readonly creds?: string;
  readonly authfile?: string;
  readonly certDir?: string;
  readonly tlsVerify?: boolean;
  readonly plainHttp?: boolean;
  readonly retry?: number;
}

function parseBoolean(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new InvalidArgumentError('write true or false.');
}

function parseCount(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('write a number.');
  return Number(text);
}

export function addRegistryOptions(command: Command): Command {
  return command
    .option('--authfile <file>', "file with logins (default: docker's config.json, then containers/auth.json)")
    .option('--cert-dir <dir>', 'directory with *.crt to trust and *.cert, *.key to show (default: /etc/containers/certs.d/HOST)')
    .addOption(new Option('--tls-verify [bool]', 'check certificates and refuse plain HTTP (default: true)').argParser(parseBoolean))
    .option('--plain-http', 'speak plain HTTP and nothing else')
    .option('--retry <count>', 'how often a request that fails for a passing reason is sent again (default: 5)', parseCount);
}

export function addCredentialsOption(command: Command): Command {
  return command.option('--creds <user[:password]>', 'log in with this for the one command; without a password it is asked for');
}

/** The flags as the image package takes them. */
export async function readRegistryFlags(flags: RegistryFlags, signal: AbortSignal, onEvent?: OnTransfer): Promise<RegistryOptions> {
  const { badInput, fixedCredentials } = await import('@sealos/image/remote');
  if (flags.plainHttp && flags.tlsVerify === true) {
    throw badInput('bad-flag', '--plain-http and --tls-verify=true contradict each other', 'leave one of them away');
  }
  const [user = '', ...secret] = flags.creds?.split(':') ?? [];
  if (flags.creds !== undefined && user === '') throw badInput('bad-flag', '--creds names no user', 'write --creds USER:PASSWORD');
  const asked = flags.creds !== undefined && secret.length === 0;
  if (asked && !process.stdin.isTTY) throw badInput('bad-flag', '--creds has no password, and there is no terminal to ask on');
  const password = asked ? await ask(`Password of ${user}: `, { hidden: true, signal }) : secret.join(':');
  let retries = 0;
  return {
    credentials: flags.creds === undefined ? undefined : fixedCredentials(user, password),
    authFile: flags.authfile,
    certDir: flags.certDir,
    insecure: flags.tlsVerify === false,
    plainHttp: flags.plainHttp,
    ...(flags.retry === undefined ? {} : { retry: { attempts: flags.retry + 1 } }),
    onRetry({ what, why, delay }) {
      retries += 1;
      onEvent?.({ kind: 'skip', id: `retry ${retries}`, title: what, why: `${why}; again in ${(delay / 1000).toFixed(1)} s` });
    },
  };
}
