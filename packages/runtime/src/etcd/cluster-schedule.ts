import { badInput } from '@sealos/image';
import type { OnRunEvent } from '../event.ts';
import { executePlan } from '../execute.ts';
import { script } from '../host/script.ts';
import { type EtcdMasters, type EtcdTarget, reachEtcdMasters } from './masters.ts';
import { type EtcdSchedule, writeSchedule } from './schedule.ts';
import { BACKUP_DIRECTORY, UNIT } from './schedule-files.ts';
import { checkSchedule, etcdScheduleStep } from './schedule-step.ts';

export interface ScheduleOptions extends EtcdTarget {
  /** Undefined: off. */
  readonly schedule: EtcdSchedule | undefined;
  readonly onEvent: OnRunEvent;
}

/** `sealos etcd schedule`: sets or ends the schedule on all control-plane hosts, and remembers it for those to come. */
export async function scheduleBackups({ schedule, onEvent, ...target }: ScheduleOptions): Promise<{ readonly changed: number }> {
  const { signal } = target;
  await using masters = await reachEtcdMasters(target);
  const [lost] = masters.unreached;
  if (lost) throw lost.error;
  if (schedule !== undefined) await Promise.all(masters.hosts.map((host) => checkSchedule(host, schedule, signal)));
  await using _lock = await masters.state.lock('etcd schedule');
  await writeSchedule(masters.state, schedule);
  const step = etcdScheduleStep({
    cluster: target.cluster,
    schedule,
    masters: masters.hosts.map(({ address }) => address),
    needs: [],
  });
  return await executePlan({ steps: [step] }, hostOf(masters), { onEvent, signal });
}

function hostOf({ hosts }: EtcdMasters) {
  return (address: { readonly ip: string }) => {
    const host = hosts.find((one) => one.address.ip === address.ip);
    if (!host) throw new Error(`no connection to ${address.ip}`);
    return host;
  };
}

/** What the schedule has done on one host. Times as systemd prints them; empty where there is none. */
export interface ScheduleState {
  readonly host: string;
  readonly on: boolean;
  readonly next: string;
  /** When the last one ended, by the timer or by hand. */
  readonly last: string;
  /** `success`, or how the last one failed. */
  readonly result: string;
  readonly backups: number;
  /** Path of the newest backup. */
  readonly newest: string;
}

/** How the schedule stands on each control-plane host; with `now`, after one backup more. */
export async function scheduleState(target: EtcdTarget, options: { readonly now: boolean }): Promise<readonly ScheduleState[]> {
  const { signal } = target;
  await using masters = await reachEtcdMasters(target);
  return await Promise.all(
    masters.hosts.map(async (host) => {
      if (options.now) {
        const { exitCode, stderr } = await host.run(script`systemctl start ${`${UNIT}.service`}`, {
          title: 'saving etcd there',
          signal,
          allowFailure: true,
          timeout: 60 * 60_000,
        });
        if (exitCode === 5 || /not found|not loaded/i.test(stderr)) {
          throw badInput('no-schedule', `${host.name}: there is no schedule`, 'set one: sealos etcd schedule --every 6h');
        }
      }
      const { stdout } = await host.run(
        script`show() { systemctl show "$1" -p "$2" --value 2>/dev/null || true; }
systemctl is-active --quiet ${`${UNIT}.timer`} && echo on || echo off
echo "$(show ${`${UNIT}.timer`} NextElapseUSecRealtime)"
echo "$(show ${`${UNIT}.service`} ExecMainExitTimestamp)"
echo "$(show ${`${UNIT}.service`} Result)"
ls -1 ${BACKUP_DIRECTORY} 2>/dev/null | grep -E '^etcd-.*[.]db$' | sort | awk '{ last = $0 } END { print NR; print last }'`,
        { title: 'asking for the schedule', signal },
      );
      const [on, next = '', last = '', result = '', count = '0', newest = ''] = stdout.split('\n');
      return {
        host: host.name,
        on: on === 'on',
        next,
        last: last === 'n/a' ? '' : last,
        result,
        backups: Number(count),
        newest: newest === '' ? '' : `${BACKUP_DIRECTORY}/${newest}`,
      };
    }),
  );
}
