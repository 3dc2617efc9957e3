import { badInput } from '@sealos/image';
import * as v from 'valibot';
import type { ClusterState } from '../state/state.ts';
import type { S3Target } from './s3-target.ts';

/** When control-plane hosts save etcd by themselves, how many backups each keeps, and where they go besides. */
export interface EtcdSchedule {
  /** As systemd.time(7) writes it: `*-*-* 00/6:00:00`. */
  readonly calendar: string;
  readonly keep: number;
  /** A place in the storage; its credentials are secrets. */
  readonly s3?: S3Target | undefined;
}

const FILE = 'etcd-schedule.json';

const scheduleSchema = v.object({
  calendar: v.string(),
  keep: v.pipe(v.number(), v.integer(), v.minValue(1)),
  s3: v.optional(
    v.object({
      bucket: v.string(),
      prefix: v.string(),
      region: v.string(),
      url: v.string(),
      credentials: v.object({ accessKeyId: v.string(), secretAccessKey: v.string(), sessionToken: v.optional(v.string()) }),
    }),
  ),
});

/** The schedule that a cluster was given, for hosts that join later. */
export async function readSchedule(state: ClusterState): Promise<EtcdSchedule | undefined> {
  const text = await state.readSecret(FILE);
  if (text === undefined) return undefined;
  const result = v.safeParse(v.nullable(scheduleSchema), parseJson(text));
  return result.success ? (result.output ?? undefined) : undefined;
}

export async function writeSchedule(state: ClusterState, schedule: EtcdSchedule | undefined): Promise<void> {
  if (schedule === undefined && (await state.readSecret(FILE)) === undefined) return;
  await state.writeSecret(FILE, `${JSON.stringify(schedule ?? null)}\n`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * `15m`, `6h`, `1d` as a calendar of systemd's, which all hosts read alike: only what divides an hour or a day can be said so. Throws bad
 * input for the rest.
 */
export function calendarEvery(every: string): string {
  const [, digits, unit] = /^([1-9]\d*)(m|h|d)$/.exec(every) ?? [];
  const number = Number(digits);
  if (unit === 'd' && number === 1) return '*-*-* 00:00:00';
  if (unit === 'h' && 24 % number === 0) return number === 24 ? '*-*-* 00:00:00' : `*-*-* 00/${number}:00:00`;
  if (unit === 'm' && 60 % number === 0) return number === 60 ? '*-*-* *:00:00' : `*-*-* *:00/${number}:00`;
  throw badInput(
    'bad-schedule',
    `'${every}' is not an interval that divides an hour or a day`,
    "write 15m, 30m, 1h, 6h, 12h, 1d, or say when with --calendar 'Mon 03:00'",
  );
}
