import { Command } from 'commander';
import { registrySaveCommand } from './registry-save.ts';
import { serveCommand } from './registry-serve.ts';

export function registryCommand(): Command {
  const command = new Command('registry')
    .description("Save images as a registry keeps them; serve, mirror and clean registries; change the cluster's login")
    .enablePositionalOptions();
  for (const child of [registrySaveCommand(), serveCommand()]) command.addCommand(child);
  return command;
}
