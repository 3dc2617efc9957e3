import { Command } from 'commander';

interface LogoutFlags {
  readonly all?: boolean;
  readonly authfile?: string;
}

export function logoutCommand(): Command {
  return new Command('logout')
    .description('Forget the login at a registry')
    .argument('[registry]', 'HOST or HOST:PORT; docker.io for Docker Hub')
    .option('-a, --all', 'forget all logins')
    .option('--authfile <file>', "file with logins (default: docker's config.json)")
    .action(logout);
}

async function logout(registry: string | undefined, flags: LogoutFlags): Promise<void> {
  const image = await import('@sealos/image');
  if ((registry === undefined) === !flags.all) {
    throw image.badInput('bad-flag', 'logout needs one registry, or --all');
  }
  const found = await image.logout(registry, { authFile: flags.authfile });
  if (!found && registry !== undefined) {
    throw image.badInput('not-logged-in', `nobody was logged in to ${image.parseRegistry(registry)}`);
  }
  console.log(registry === undefined ? 'all logins are forgotten' : `the login at ${image.parseRegistry(registry)} is forgotten`);
}
