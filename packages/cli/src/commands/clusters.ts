import { Command, Option } from 'commander';
import { formatTable } from '../output.ts';

interface ClustersFlags {
  readonly all?: boolean;
  readonly output?: 'json';
}

export function clustersCommand(): Command {
  return new Command('clusters')
    .description('List the clusters that were made from here')
    .option('-a, --all', 'also those that were removed')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .action(clusters);
}

const WORDS: Readonly<Record<string, string>> = { ClusterSuccess: 'stands', ClusterFailed: 'failed', ClusterInProcess: 'unfinished' };

async function clusters(flags: ClustersFlags): Promise<void> {
  const { listClusters } = await import('@sealos/runtime');
  const list = await listClusters({ retired: flags.all ?? false });
  if (flags.output === 'json') {
    console.log(JSON.stringify(list, undefined, 2));
    return;
  }
  const rows = list.map(({ name, phase, hosts, images, createdAt, retiredAt, busy, problem }) => {
    const masters = hosts.filter(({ roles }) => roles.includes('master')).length;
    const state = retiredAt === undefined ? (WORDS[phase ?? ''] ?? '-') : `removed ${retiredAt}`;
    return [
      name,
      problem === undefined ? (busy === undefined ? state : `at work: ${busy}`) : `unreadable: ${problem}`,
      `${masters} + ${hosts.length - masters}`,
      hosts.map(({ host }) => host).join(','),
      createdAt ?? '-',
      images.join(','),
    ];
  });
  console.log(formatTable(['NAME', 'STATE', 'MASTERS + OTHERS', 'HOSTS', 'CREATED', 'IMAGES'], rows));
}
