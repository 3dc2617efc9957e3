import { Command } from 'commander';
import { storeCheckCommand } from './store-check.ts';

export function storeCommand(): Command {
  const command = new Command('store').description('Check and repair the store of images on this machine').enablePositionalOptions();
  return command.addCommand(storeCheckCommand()).addCommand(storePathCommand());
}

function storePathCommand(): Command {
  return new Command('path').description('Print where the images are kept').action(async () => {
    const { defaultStorePath } = await import('@sealos/image');
    console.log(defaultStorePath());
  });
}
