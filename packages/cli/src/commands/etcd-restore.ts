import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showRun } from '../progress/show-run.ts';
import { ask } from '../prompt.ts';
import { addEtcdOptions, addS3Options, type EtcdFlags, etcdTarget, readS3, type S3Flags } from './etcd-options.ts';

interface RestoreFlags extends EtcdFlags, S3Flags {
  readonly without: readonly string[];
  readonly yes?: boolean;
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly quiet?: boolean;
  readonly logFormat: 'auto' | 'plain' | 'json';
}

export function restoreCommand(): Command {
  const list = (value: string, before: readonly string[]) => [...before, ...value.split(',').filter((item) => item !== '')];
  const command = new Command('restore')
    .description('Bring the data of a cluster back to what a backup holds, on all of its control-plane hosts')
    .argument('<file>', 'a backup on this machine, or s3://BUCKET/PREFIX/NAME')
    .option('--without <ips>', 'control-plane hosts that are lost: the cluster goes on without them', list, [])
    .option('-y, --yes', 'do not ask')
    .option('-f, --force', 'do not ask (the same as --yes)')
    .option('--dry-run', 'show what would be done and change nothing')
    .option('-q, --quiet', 'print errors only')
    .addOption(new Option('--log-format <format>', 'how progress is printed').choices(['auto', 'plain', 'json']).default('auto'));
  return addEtcdOptions(addS3Options(command)).action(restore);
}

async function restore(file: string, flags: RestoreFlags): Promise<void> {
  const { badInput } = await import('@sealos/image');
  const { masters, restoreCluster } = await import('@sealos/runtime');
  const isRemote = file.startsWith('s3://');
  const target = await etcdTarget(flags);
  const source = isRemote ? ({ kind: 's3', target: await readS3(file, flags) } as const) : ({ kind: 'file', path: file } as const);
  using progress = showRun({ format: flags.logFormat, quiet: flags.quiet, isAnswer: flags.dryRun });
  const result = await restoreCluster({
    ...target,
    source,
    without: flags.without,
    dryRun: flags.dryRun ?? false,
    async confirm(cluster, snapshot) {
      if (flags.yes || flags.force) return;
      const names = masters(cluster)
        .map(({ address }) => address.ip)
        .filter((ip) => !flags.without.includes(ip));
      const effect = `takes the data of cluster '${cluster.name}' back to that of ${snapshot.path}; its API is away meanwhile`;
      if (!process.stdin.isTTY) throw badInput('not-confirmed', `restore ${effect}`, 'say so with --yes');
      const answer = await ask(`This ${effect} (${names.join(', ')}).\nType the cluster's name to go on: `, { signal: interrupted });
      if (answer.trim() !== cluster.name) {
        throw badInput('not-confirmed', 'nothing was changed: the answer was not the name of the cluster');
      }
    },
    onEvent: progress.onEvent,
  });
  progress[Symbol.dispose]();
  if (flags.quiet || flags.dryRun || flags.logFormat === 'json') return;
  console.log(`cluster '${flags.cluster}' has the data of ${result.snapshot.path} again, on ${result.masters.join(', ')}
What was there before lies beside it as etcd's data directory with the ending ${result.aside}; remove it when all is well.
Look at: kubectl get nodes,pods -A; hosts that were added or removed since the backup (sealos add, sealos delete);
operators in namespaces of their own, which may have to see the past: kubectl -n NAMESPACE rollout restart deployment,daemonset.`);
}
