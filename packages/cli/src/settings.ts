import { badInput } from '@sealos/image';

/**
 * The limit of one remote command in milliseconds, from `SEALOS_EXECUTION_TIMEOUT` (`90s`, `15m`, `2h`, or seconds; `0`: none). By default
 * 30 minutes: slow disks and large charts take their time, and what waits longer than that waits for something that will not come.
 */
export function stepTimeout(environment: NodeJS.ProcessEnv): number | undefined {
  const text = environment['SEALOS_EXECUTION_TIMEOUT']?.trim() || '30m';
  const match = /^(\d+)(s|m|h)?$/.exec(text);
  if (!match) throw badInput('bad-setting', `SEALOS_EXECUTION_TIMEOUT is '${text}', not a time`, 'write 90s, 15m, 2h, or 0 for no limit');
  const seconds = Number(match[1]) * ({ s: 1, m: 60, h: 3600 }[match[2] ?? 's'] ?? 1);
  return seconds === 0 ? undefined : seconds * 1000;
}
