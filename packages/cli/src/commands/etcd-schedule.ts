import { Command, Option } from 'commander';
import { formatTable } from '../output.ts';
import { showRun } from '../progress/show-run.ts';
import { addEtcdOptions, addS3Options, type EtcdFlags, etcdTarget, readKeep, readS3, type S3Flags } from './etcd-options.ts';

interface ScheduleFlags extends EtcdFlags, S3Flags {
  readonly every?: string;
  readonly calendar?: string;
  readonly keep: number;
  readonly s3?: string;
  readonly off?: boolean;
  readonly now?: boolean;
  readonly output?: 'json';
}

export function scheduleCommand(): Command {
  const command = new Command('schedule')
    .description('Have the control-plane hosts save etcd by themselves, at set times; without flags: show how that stands')
    .addOption(new Option('--every <interval>', 'such as 30m, 6h or 1d').conflicts(['calendar', 'off']))
    .addOption(new Option('--calendar <time>', "as systemd.time(7) writes it, such as 'Mon 03:00'").conflicts(['every', 'off']))
    .option('--keep <n>', 'how many backups a host keeps', readKeep, 28)
    .option('--s3 <url>', 'upload each to S3-compatible storage too: s3://BUCKET/PREFIX (the hosts need curl 7.88 or newer)')
    .option('--off', 'end the schedule; the backups stay')
    .option('--now', 'take one at once')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']));
  return addEtcdOptions(addS3Options(command)).action(schedule);
}

async function schedule(flags: ScheduleFlags): Promise<void> {
  const { badInput } = await import('@sealos/image');
  const { calendarEvery, scheduleBackups, scheduleState } = await import('@sealos/runtime');
  const calendar = flags.calendar ?? (flags.every === undefined ? undefined : calendarEvery(flags.every));
  if (calendar === undefined && flags.s3 !== undefined) throw badInput('bad-schedule', '--s3 needs --every or --calendar');
  const s3 = flags.s3 === undefined ? undefined : await readS3(flags.s3, flags);
  const target = await etcdTarget(flags);
  if (calendar !== undefined || flags.off) {
    using progress = showRun({ format: 'plain', quiet: flags.output === 'json' });
    await scheduleBackups({
      ...target,
      schedule: calendar === undefined ? undefined : { calendar, keep: flags.keep, s3 },
      onEvent: progress.onEvent,
    });
    if (flags.off) return;
  }
  const states = await scheduleState(target, { now: flags.now ?? false });
  const isAsked = calendar === undefined || flags.now;
  if (isAsked && states.some(({ result }) => result !== '' && result !== 'success')) process.exitCode = 1;
  if (flags.output === 'json') {
    console.log(JSON.stringify(states, undefined, 2));
    return;
  }
  console.log(
    formatTable(
      ['HOST', 'SCHEDULE', 'NEXT', 'LAST', 'RESULT', 'BACKUPS', 'NEWEST'],
      states.map((state) => [
        state.host,
        state.on ? 'on' : 'off',
        state.next || '-',
        state.last || '-',
        state.last === '' ? '-' : state.result,
        String(state.backups),
        state.newest || '-',
      ]),
    ),
  );
}
