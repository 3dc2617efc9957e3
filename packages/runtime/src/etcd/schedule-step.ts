import { badInput } from '@sealos/image';
import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { Step } from '../step.ts';
import type { EtcdSchedule } from './schedule.ts';
import { BACKUP_DIRECTORY, scheduleFilePaths, scheduleFiles, UNIT } from './schedule-files.ts';

/** Throws bad input where a host does not understand the calendar, or has no curl that signs uploads. Changes nothing. */
export async function checkSchedule(host: Host, { calendar, s3 }: EtcdSchedule, signal: AbortSignal): Promise<void> {
  if (/[\0-\x1f]/.test(calendar)) throw badInput('bad-schedule', 'the calendar is not a single line');
  const parsed = await host.run(script`systemd-analyze calendar ${calendar} 2>&1`, {
    title: 'reading the calendar',
    signal,
    allowFailure: true,
    timeout: 30_000,
  });
  if (parsed.exitCode !== 0) {
    throw badInput(
      'bad-schedule',
      `${host.name}: systemd does not understand the calendar '${calendar}'`,
      "see systemd.time(7): '*-*-* 00/6:00:00', 'Mon 03:00'",
    );
  }
  if (s3 === undefined) return;
  const { stdout } = await host.run(script`curl --version 2>/dev/null | head -n 1`, {
    title: 'asking for curl',
    signal,
    allowFailure: true,
  });
  const [, major, minor] = /^curl (\d+)\.(\d+)/.exec(stdout) ?? [];
  // It signs the content's hash, which S3 wants, from 7.88 on.
  if (Number(major) * 1000 + Number(minor) >= 7088) return;
  throw badInput(
    'no-curl',
    `${host.name}: uploading from there needs curl 7.88 or newer, ${major === undefined ? 'there is none' : `it is ${major}.${minor}`}`,
    'install it, or leave --s3 away and run `sealos etcd backup --s3 …` on a schedule on this machine',
  );
}

async function enable(host: Host, cluster: string, schedule: EtcdSchedule, signal: AbortSignal): Promise<void> {
  const files = scheduleFiles(cluster, schedule);
  await host.writeFiles(files, { title: 'writing the schedule', signal });
  const unwanted = scheduleFilePaths.filter((path) => !files.some((file) => file.path === path));
  await host.run(
    script`rm -f ${unwanted}
systemctl daemon-reload && { systemctl reset-failed ${`${UNIT}.service`} 2>/dev/null || true; } && systemctl enable --quiet ${`${UNIT}.timer`} && systemctl restart ${`${UNIT}.timer`}`,
    { title: 'starting the schedule', signal, timeout: 60_000 },
  );
}

/** Takes the schedule off a host; backups that it took stay. Does nothing where there is none. */
export async function removeSchedule(host: Host, signal: AbortSignal): Promise<void> {
  await host.run(
    script`if [ -e ${`/etc/systemd/system/${UNIT}.timer`} ]; then
  systemctl disable --quiet --now ${`${UNIT}.timer`} || true
  systemctl stop ${`${UNIT}.service`} || true
fi
rm -f ${scheduleFilePaths} ${`/var/lib/systemd/timers/stamp-${UNIT}.timer`}
systemctl daemon-reload`,
    { title: 'removing the schedule', signal, timeout: 120_000 },
  );
}

/**
 * The schedule on control-plane hosts, as a step: for those that join later, too. Without a schedule it takes away one that is there.
 * Undone (the cluster is taken off the host), the backups that lie there go as well.
 */
export function etcdScheduleStep(input: {
  readonly cluster: string;
  readonly schedule: EtcdSchedule | undefined;
  readonly masters: readonly Address[];
  readonly needs: readonly string[];
}): Step {
  const { cluster, schedule, masters, needs } = input;
  return {
    id: 'etcd-schedule',
    title: 'scheduling backups of etcd',
    hosts: masters,
    needs,
    async check(host, { signal }) {
      if (schedule === undefined) {
        const { exitCode } = await host.run(script`[ ! -e ${`/etc/systemd/system/${UNIT}.timer`} ]`, {
          title: 'looking for a schedule',
          signal,
          allowFailure: true,
        });
        return exitCode === 0 ? 'done' : { what: 'remove the schedule' };
      }
      const wanted = scheduleFiles(cluster, schedule);
      const contents = await Promise.all(wanted.map(({ path }) => host.readFile(path, { signal })));
      const isSame = wanted.every(({ content }, index) => Buffer.from(contents[index] ?? []).equals(Buffer.from(content)));
      const { exitCode } = await host.run(script`systemctl is-active --quiet ${`${UNIT}.timer`}`, {
        title: 'looking whether the schedule is on',
        signal,
        allowFailure: true,
      });
      return isSame && exitCode === 0 ? 'done' : { what: `save etcd at '${schedule.calendar}', keep ${schedule.keep}` };
    },
    apply: (host, { signal }) => (schedule === undefined ? removeSchedule(host, signal) : enable(host, cluster, schedule, signal)),
    async undo(host, { signal }) {
      await removeSchedule(host, signal);
      await host.run(
        script`rm -rf --one-file-system ${BACKUP_DIRECTORY} /var/lib/etcd.before-restore-* /var/lib/etcd.restored-* /var/lib/sealos/etcd-restore`,
        {
          title: 'removing backups of etcd',
          signal,
        },
      );
    },
  };
}
