import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openState } from '../state/state.ts';
import { calendarEvery, readSchedule, writeSchedule } from './schedule.ts';
import { scheduleFiles } from './schedule-files.ts';

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;

test('an interval becomes a calendar that systemd reads', () => {
  const calendars = ['1m', '15m', '60m', '1h', '6h', '24h', '1d'].map(calendarEvery);
  assert.equal(calendarEvery('6h'), '*-*-* 00/6:00:00');
  if (!hasSystemd) return;
  for (const calendar of calendars) assert.equal(spawnSync('systemd-analyze', ['calendar', calendar]).status, 0, calendar);
});

test('an interval that divides neither an hour nor a day is refused: the hosts would not agree on it', () => {
  for (const every of ['7h', '25m', '2d', '0h', '', '6', 'h', '1w']) assert.throws(() => calendarEvery(every), { exitCode: 2 });
});

const s3 = {
  bucket: 'b',
  prefix: 'p',
  region: 'r',
  url: 'https://h/b',
  credentials: { accessKeyId: 'id', secretAccessKey: 'se"cret\\' },
};

test('a schedule is remembered as it was set, and forgotten when it ends', async () => {
  const root = mkdtempSync(join(tmpdir(), 'sealos-schedule-'));
  try {
    const state = await openState('default', { root });
    assert.equal(await readSchedule(state), undefined);
    await writeSchedule(state, { calendar: 'daily', keep: 3, s3 });
    assert.deepEqual(await readSchedule(state), { calendar: 'daily', keep: 3, s3 });
    await writeSchedule(state, undefined);
    assert.equal(await readSchedule(state), undefined);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});

test('the program for the hosts is bash that parses, and the secrets are in none but the one file that only root reads', () => {
  for (const schedule of [
    { calendar: 'daily', keep: 3 },
    { calendar: 'daily', keep: 3, s3 },
  ]) {
    const files = scheduleFiles('default', schedule);
    for (const { path, content, mode } of files) {
      if (String(content).includes('cret')) assert.deepEqual([path, mode], ['/etc/sealos-etcd-backup.curl', 0o600]);
      if (!String(content).startsWith('#!/bin/bash')) continue;
      const { status, stderr } = spawnSync('bash', ['-n'], { input: String(content), encoding: 'utf8' });
      assert.equal(status, 0, stderr);
    }
  }
});
