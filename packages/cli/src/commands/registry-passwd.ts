import { text } from 'node:stream/consumers';
import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showRun } from '../progress/show-run.ts';
import { ask } from '../prompt.ts';
import { addSshOptions, readSshFlags, type SshFlags } from '../ssh-options.ts';

interface PasswdFlags extends SshFlags {
  readonly clusterName: string;
  readonly cluster?: string;
  readonly htpasswdPath: string;
  readonly criShimFilePath: string;
  readonly username?: string;
  readonly passwordStdin?: boolean;
  readonly quiet?: boolean;
  readonly logFormat: 'auto' | 'plain' | 'json';
}

export function passwdCommand(): Command {
  const command = new Command('passwd')
    .description("Change the login of a cluster's registry: on its host, on all hosts, and for hosts that join later")
    .option('-c, --cluster-name <name>', 'name of the cluster', 'default')
    .addOption(new Option('--cluster <name>', 'the same').hideHelp())
    .option('-p, --htpasswd-path <path>', 'file on the hosts where the registry reads its logins', '/etc/registry/registry_htpasswd')
    .option('-f, --cri-shim-file-path <path>', "image-cri-shim's file on the hosts that have one", '/etc/image-cri-shim.yaml')
    .option('--username <name>', 'user name (default: asked for)')
    .option('--password-stdin', 'read the password from standard input (default: asked for, twice)')
    .option('-q, --quiet', 'print errors only')
    .addOption(new Option('--log-format <format>', 'how progress is printed').choices(['auto', 'plain', 'json']).default('auto'));
  return addSshOptions(command, '--passwd [password]').action(changePassword);
}

async function changePassword(flags: PasswdFlags): Promise<void> {
  const { badInput } = await import('@sealos/image');
  const { changeRegistryPassword, checkRegistryLogin, ownAddress, storedCluster } = await import('@sealos/runtime');
  if (flags.passwordStdin && flags.username === undefined) throw badInput('bad-flag', '--password-stdin needs --username');
  for (const path of [flags.htpasswdPath, flags.criShimFilePath]) {
    if (!path.startsWith('/')) throw badInput('bad-path', `'${path}' is not an absolute path on the hosts`);
  }
  // Who misspelt the name learns it before being asked for anything.
  const cluster = flags.cluster ?? flags.clusterName;
  await storedCluster(cluster, {});
  if (!flags.passwordStdin && !process.stdin.isTTY) {
    throw badInput('bad-flag', 'there is no terminal to ask on', 'give --username and --password-stdin');
  }
  const username = flags.username ?? (await ask('User name: ', { signal: interrupted }));
  const password = flags.passwordStdin ? (await text(process.stdin)).replace(/\r?\n$/, '') : await askTwice(username);
  checkRegistryLogin(username, password);
  const { ssh, connection } = await readSshFlags(flags, interrupted);
  using progress = showRun({ format: flags.logFormat, quiet: flags.quiet ?? false });
  const { registry } = await changeRegistryPassword({
    cluster,
    username,
    password,
    htpasswdPath: flags.htpasswdPath,
    shimPath: flags.criShimFilePath,
    ssh,
    connection: { ...connection, localIp: ownAddress },
    onEvent: progress.onEvent,
    signal: interrupted,
  });
  progress[Symbol.dispose]();
  if (!flags.quiet) console.log(`${registry} takes the login of ${username} now, and no other`);
}

async function askTwice(username: string): Promise<string> {
  const { badInput } = await import('@sealos/image');
  const first = await ask(`New password of ${username}: `, { hidden: true, signal: interrupted });
  const second = await ask('Once more: ', { hidden: true, signal: interrupted });
  if (first !== second) throw badInput('bad-login', 'the two passwords are not the same');
  return first;
}
