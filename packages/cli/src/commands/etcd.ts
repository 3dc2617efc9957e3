import { Command } from 'commander';
import { backupCommand } from './etcd-backup.ts';
import { defragCommand, healthCommand, membersCommand } from './etcd-health.ts';
import { restoreCommand } from './etcd-restore.ts';
import { scheduleCommand } from './etcd-schedule.ts';

export function etcdCommand(): Command {
  const command = new Command('etcd')
    .description("Save a cluster's data, bring it back, and see how its etcd is")
    .enablePositionalOptions();
  for (const child of [backupCommand(), restoreCommand(), scheduleCommand(), healthCommand(), membersCommand(), defragCommand()]) {
    command.addCommand(child);
  }
  return command;
}
