import { Command, Option } from 'commander';
import { commit, version } from '../product.ts';

export function versionCommand(): Command {
  return new Command('version')
    .description('Show the version of sealos')
    .option('--short', 'only the version')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json', 'yaml']))
    .action((options: { short?: boolean; output?: 'json' | 'yaml' }) => {
      const about = {
        SealosVersion: {
          gitVersion: version,
          ...(commit === undefined ? {} : { gitCommit: commit }),
          nodeVersion: process.version,
          platform: `${process.platform}/${process.arch}`,
        },
      };
      if (options.output === 'json') console.log(JSON.stringify(about, undefined, 2));
      else if (options.output === 'yaml') {
        console.log(['SealosVersion:', ...Object.entries(about.SealosVersion).map(([key, value]) => `  ${key}: ${value}`)].join('\n'));
      } else if (options.short) console.log(version);
      else console.log(`sealos ${version} (${commit ? `${commit}, ` : ''}Node ${process.version}, ${process.platform}/${process.arch})`);
    });
}
