import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { collect } from '../values-options.ts';

export function unshareCommand(): Command {
  return new Command('unshare')
    .description('Run a command where the files of containers are what they seem: as root, simply as it is')
    .argument('[command...]', "the command and its arguments (default: the user's shell)")
    .option('-m, --mount <name>', "have the path of a container's files in a variable: VARIABLE=CONTAINER; repeatable", collect, [])
    .passThroughOptions()
    .action(async (words: readonly string[], { mount }: { readonly mount: readonly string[] }) => {
      const { badInput } = await import('@sealos/image/local');
      if (process.geteuid?.() !== 0) {
        throw badInput(
          'not-root',
          'unshare needs root: there are no user namespaces here',
          'files that you unpack are your own: no unshare is needed',
        );
      }
      const [command = process.env['SHELL'] ?? '/bin/sh', ...args] = words;
      const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...(await mountPoints(mount)) } });
      const [status, signal] = await once(child, 'close').catch((error: unknown) => {
        const why = error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'there is no such program' : String(error);
        throw badInput('bad-command', `${command} cannot be run: ${why}`);
      });
      process.exitCode = signal === null ? status : 128 + (Object.entries(constants.signals).find(([name]) => name === signal)?.[1] ?? 0);
    });
}

/** `VARIABLE=CONTAINER`, or the container's name for both, as buildah has it: where their files are. They stay there, with what is changed. */
async function mountPoints(list: readonly string[]): Promise<Record<string, string>> {
  if (list.length === 0) return {};
  const { mountTree, openStore } = await import('@sealos/image/trees');
  await using store = await openStore();
  const variables: Record<string, string> = {};
  for (const text of list) {
    const [, variable, name = text] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    variables[variable ?? name] = (await mountTree(store, name, { signal: interrupted })).root;
  }
  return variables;
}
