import assert from 'node:assert/strict';
import { test } from 'node:test';
import { durationProblem, durationText, parseDuration } from './duration.ts';
import { unixSeconds } from './instant.ts';
import { formatTime, timeText } from './layout.ts';
import { parseTime } from './parse.ts';
import { loadZone, UTC } from './zone.ts';

const LEAP_DAY = { nanoseconds: 1_709_208_305_067_000_000n, zone: UTC };

test('a layout is the reference time written differently', () => {
  assert.equal(formatTime(LEAP_DAY, 'Monday, Jan _2 2006 15:04:05.000 PM 002 Z07:00'), 'Thursday, Feb 29 2024 12:05:05.067 PM 060 Z');
  assert.equal(timeText(LEAP_DAY), '2024-02-29 12:05:05.067 +0000 UTC');
});

test('zones move the clock, with summer time', () => {
  const berlin = loadZone('Europe/Berlin');
  assert.ok(berlin !== undefined);
  assert.equal(formatTime({ nanoseconds: 1_720_000_000_000_000_000n, zone: berlin }, '15:04 -0700'), '11:46 +0200');
  assert.equal(formatTime({ ...LEAP_DAY, zone: berlin }, '15:04 -0700'), '13:05 +0100');
  assert.equal(loadZone('Nowhere/Bad'), undefined);
});

test('what was formatted can be read back', () => {
  for (const layout of ['2006-01-02T15:04:05.000Z07:00', 'Mon Jan _2 15:04:05.999 2006', '2006-002 03:04:05.000 PM']) {
    assert.equal(parseTime(layout, formatTime(LEAP_DAY, layout), UTC).nanoseconds, LEAP_DAY.nanoseconds, layout);
  }
  assert.equal(unixSeconds(parseTime('2006-01-02 -0700', '1970-01-01 +0100', UTC)), -3600n);
});

test('a time that does not fit says what and where', () => {
  assert.throws(() => parseTime('2006-01-02', '2023-02-29', UTC), /parsing time "2023-02-29": day out of range/);
  assert.throws(() => parseTime('2006-01-02', 'x', UTC), /parsing time "x" as "2006-01-02": cannot parse "x" as "2006"/);
});

test('durations are read and written', () => {
  assert.equal(durationText(parseDuration('1h30m10.5s') ?? 0n), '1h30m10.5s');
  assert.deepEqual(['-1.5h', '300ms', '0', 'x', '1d'].map(parseDuration), [-5_400_000_000_000n, 300_000_000n, 0n, undefined, undefined]);
  assert.equal(durationProblem('1d'), 'time: unknown unit "d" in duration "1d"');
});
