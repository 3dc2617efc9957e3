import type { Command } from 'commander';
import type { SshFlags } from './ssh-options.ts';
import { collect } from './values-options.ts';

/** Hosts as the commands of sealos 1 to 3 name them: a flag for each, a range, or several with commas. */
export interface OlderHosts {
  readonly master: readonly string[];
  readonly node: readonly string[];
}

export function addOlderHosts(command: Command): Command {
  return command
    .option('--master <host>', 'a control plane: IP, IP:PORT or FIRST-LAST; repeatable', collect, [])
    .option('--node <host>', 'a worker, in the same form; repeatable', collect, [])
    .option('--cluster <name>', 'name of the cluster', 'default');
}

/** `--masters` and `--nodes` with their values, as far as there are any. */
export function hostWords({ master, node }: OlderHosts): readonly string[] {
  return [
    ['--masters', master],
    ['--nodes', node],
  ].flatMap(([flag, hosts]) => (typeof flag === 'string' && hosts && hosts.length > 0 ? [flag, [hosts].flat().join(',')] : []));
}

const SSH_WORDS: readonly (readonly [keyof SshFlags, string])[] = [
  ['user', '--user'],
  ['passwd', '--passwd'],
  ['passwdFile', '--passwd-file'],
  ['pk', '--pk'],
  ['pkPasswd', '--pk-passwd'],
  ['pkPasswdFile', '--pk-passwd-file'],
  ['port', '--port'],
  ['knownHosts', '--known-hosts'],
  ['agent', '--agent'],
  ['jump', '--jump'],
  ['jumpPk', '--jump-pk'],
  ['jumpPasswdFile', '--jump-passwd-file'],
  ['sshConfig', '--ssh-config'],
];

/** The flags that say how hosts are reached, as words. */
export function sshWords(flags: SshFlags): readonly string[] {
  return SSH_WORDS.flatMap(([key, flag]) => {
    const value = flags[key];
    if (value === undefined) return [];
    return value === true ? [flag] : [`${flag}=${value}`];
  });
}

const SECRET = /^(--passwd|--pk-passwd)=.*/s;

/** A command line that a shell takes as these words, without the secrets in them: those are asked for. */
export function shownCommand(words: readonly string[]): string {
  return ['sealos', ...words]
    .map((word) => word.replace(SECRET, '$1'))
    .map((word) => (/^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
    .join(' ');
}

/** Says on standard error what the command is today. */
export function tellModern(...lines: readonly (readonly string[])[]): void {
  process.stderr.write(`today this is: ${lines.map(shownCommand).join(' && ')}\n`);
}

/** Carries out one of today's commands with its own words, so that the two can never differ. */
export async function carryOut(command: Command, words: readonly string[]): Promise<void> {
  await command.exitOverride().parseAsync([...words], { from: 'user' });
}
