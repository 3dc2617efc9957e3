import { Command } from 'commander';
import { serveCommand } from './registry-serve.ts';

export function registryCommand(): Command {
  const command = new Command('registry')
    .description("Serve, mirror and clean registries; list and remove what is in them; change the cluster's login")
    .enablePositionalOptions();
  for (const child of [serveCommand()]) command.addCommand(child);
  return command;
}
