import { join } from 'node:path';
import { Command, Option } from 'commander';
import { formatBytes } from '../output.ts';
import { addEtcdOptions, addS3Options, type EtcdFlags, etcdTarget, readKeep, readS3, type S3Flags } from './etcd-options.ts';

interface BackupFlags extends EtcdFlags, S3Flags {
  readonly output?: string;
  readonly keep?: number;
  readonly s3?: string;
  readonly quiet?: boolean;
  readonly name?: string;
  readonly backupPath?: string;
}

export function backupCommand(): Command {
  const command = new Command('backup')
    .alias('save')
    .description("Save a cluster's data: a snapshot of etcd, verified, in a file on this machine")
    .option('-o, --output <path>', 'file or directory (default: ~/.sealos/<cluster>/backups)')
    .option('--keep <n>', 'remove older backups beyond so many from that directory, and from the storage', readKeep)
    .option('--s3 <url>', 'upload it to S3-compatible storage too: s3://BUCKET/PREFIX')
    .option('-q, --quiet', 'print only where the backup is')
    // sealos v3: `etcd save --name FILE --backupPath DIRECTORY`.
    .addOption(new Option('--name <file>').hideHelp())
    .addOption(new Option('--backupPath <directory>').hideHelp());
  return addEtcdOptions(addS3Options(command)).action(backup);
}

function outputOf({ output, name, backupPath }: BackupFlags): string | undefined {
  if (output !== undefined) return output;
  if (name === undefined) return backupPath === undefined ? undefined : join(backupPath, '/');
  return join(backupPath ?? '.', name);
}

async function backup(flags: BackupFlags): Promise<void> {
  const { backupCluster } = await import('@sealos/runtime');
  const s3 = flags.s3 === undefined ? undefined : await readS3(flags.s3, flags);
  const say = (line: string) => {
    if (!flags.quiet) console.log(line);
  };
  const result = await backupCluster({
    ...(await etcdTarget(flags)),
    output: outputOf(flags),
    keep: flags.keep,
    s3,
    warn: (message) => process.stderr.write(`sealos: warning: ${message}\n`),
  });
  if (flags.quiet) console.log(result.path);
  say(`saved ${formatBytes(result.bytes)} (revision ${result.revision}, etcd ${result.version} on ${result.host}) to ${result.path}`);
  say(`sha256 of the data: ${result.sha256}`);
  if (result.uploaded !== undefined) say(`uploaded to ${result.uploaded}`);
  for (const path of result.removed) say(`removed ${path}`);
}
