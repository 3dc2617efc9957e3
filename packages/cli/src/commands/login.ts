import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { ask } from '../prompt.ts';
import { addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface LoginFlags extends RegistryFlags {
  readonly username?: string;
  readonly password?: string;
  readonly passwd?: string;
  readonly passwordStdin?: boolean;
  readonly getLogin?: boolean;
}

export function loginCommand(): Command {
  const command = new Command('login')
    .description('Log in to a registry; the login is checked first and kept where docker keeps it')
    .argument('<registry>', 'HOST or HOST:PORT; docker.io for Docker Hub')
    .option('-u, --username <name>', 'user name (default: asked for)')
    .option('-p, --password <password>', 'password (others may see it in the list of processes; default: asked for)')
    .addOption(new Option('--passwd <password>', 'as --password').hideHelp())
    .option('--password-stdin', 'read the password from standard input')
    .option('--get-login', 'print who is logged in');
  return addRegistryOptions(command).action(login);
}

async function login(registry: string, given: LoginFlags): Promise<void> {
  const flags = { ...given, password: given.password ?? given.passwd };
  const image = await import('@sealos/image');
  const host = image.parseRegistry(registry);
  if (flags.getLogin) {
    const { credentials } = await image.storedCredentials({ authFile: flags.authfile })(host, undefined);
    if (credentials === undefined)
      throw image.badInput('not-logged-in', `nobody is logged in to ${host}`, `'sealos login ${host}' does it`);
    console.log(credentials.kind === 'password' ? credentials.user : '<token>');
    return;
  }
  if (flags.passwordStdin && flags.password !== undefined) {
    throw image.badInput('bad-flag', '--password and --password-stdin contradict each other', 'leave one of them away');
  }
  if (flags.passwordStdin && flags.username === undefined) throw image.badInput('bad-flag', '--password-stdin needs --username');
  const needsTerminal = flags.username === undefined || (flags.password === undefined && !flags.passwordStdin);
  if (needsTerminal && !process.stdin.isTTY) {
    throw image.badInput('bad-flag', 'there is no terminal to ask on', 'give --username and --password-stdin');
  }
  const user = flags.username ?? (await ask('User name: ', { signal: interrupted }));
  const password = flags.passwordStdin
    ? (await text(process.stdin)).replace(/\r?\n$/, '')
    : (flags.password ?? (await ask(`Password of ${user}: `, { hidden: true, signal: interrupted })));
  const options = await readRegistryFlags(flags, interrupted);
  const where = await image.login(host, user, password, { ...options, signal: interrupted });
  console.log(`logged in to ${host} as ${user}, kept in ${where}`);
}
