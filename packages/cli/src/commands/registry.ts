import { Command } from 'commander';
import { gcCommand } from './registry-gc.ts';
import { lsCommand } from './registry-ls.ts';
import { passwdCommand } from './registry-passwd.ts';
import { rmCommand } from './registry-rm.ts';
import { registrySaveCommand } from './registry-save.ts';
import { serveCommand } from './registry-serve.ts';
import { copyCommand, syncCommand } from './registry-sync.ts';

export function registryCommand(): Command {
  const command = new Command('registry')
    .description("Save images as a registry keeps them; serve, mirror and clean registries; change the cluster's login")
    .enablePositionalOptions();
  const children = [
    ...[registrySaveCommand(), serveCommand(), syncCommand(), copyCommand()],
    ...[lsCommand(), rmCommand(), gcCommand(), passwdCommand()],
  ];
  for (const child of children) command.addCommand(child);
  return command;
}
