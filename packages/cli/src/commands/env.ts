import { Command } from 'commander';
import { environmentVariables } from '../environment-variables.ts';
import { formatTable } from '../output.ts';

export function envCommand(): Command {
  return new Command('env')
    .description('Print the variables of the environment that sealos heeds; secrets are not shown')
    .option('-v, --verbose', 'with what each is for, and its default')
    .action((flags: { readonly verbose?: boolean }) => {
      const rows = environmentVariables.map(({ name, default: usual, description, isSecret }) => {
        const value = process.env[name];
        return { name, usual, description, value: value === undefined || value === '' ? usual : isSecret ? '******' : value };
      });
      if (!flags.verbose) for (const { name, value } of rows) console.log(`${name}=${JSON.stringify(value)}`);
      else {
        const cells = rows.map(({ name, usual, value, description }) => [name, usual || '-', value || '-', description]);
        console.log(formatTable(['NAME', 'DEFAULT', 'CURRENT', 'DESCRIPTION'], cells));
      }
    });
}
