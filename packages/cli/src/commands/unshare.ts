import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Command } from 'commander';

export function unshareCommand(): Command {
  return new Command('unshare')
    .description('Run a command where the files of containers are what they seem: as root, simply as it is')
    .argument('[command...]', "the command and its arguments (default: the user's shell)")
    .passThroughOptions()
    .action(async (words: readonly string[]) => {
      const { badInput } = await import('@sealos/image/local');
      if (process.geteuid?.() !== 0) {
        throw badInput(
          'not-root',
          'unshare needs root: there are no user namespaces here',
          'files that you unpack are your own: no unshare is needed',
        );
      }
      const [command = process.env['SHELL'] ?? '/bin/sh', ...args] = words;
      const child = spawn(command, args, { stdio: 'inherit' });
      const [status, signal] = await once(child, 'close').catch((error: unknown) => {
        const why = error instanceof Error && 'code' in error && error.code === 'ENOENT' ? 'there is no such program' : String(error);
        throw badInput('bad-command', `${command} cannot be run: ${why}`);
      });
      process.exitCode = signal === null ? status : 128 + (Object.entries(constants.signals).find(([name]) => name === signal)?.[1] ?? 0);
    });
}
