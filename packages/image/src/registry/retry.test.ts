import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_RETRY, delayBefore, isGettingOn, isPassing, parseRetryAfter } from './retry.ts';

test('waits are random, grow, are bounded, and end', () => {
  for (let failures = 1; failures < DEFAULT_RETRY.attempts; failures++) {
    const bound = Math.min(DEFAULT_RETRY.longestDelay, DEFAULT_RETRY.delay * 2 ** (failures - 1));
    for (let n = 0; n < 20; n++) {
      const delay = delayBefore(failures, DEFAULT_RETRY) ?? Number.NaN;
      assert.ok(delay >= 0 && delay <= bound);
    }
  }
  assert.equal(delayBefore(DEFAULT_RETRY.attempts, DEFAULT_RETRY), undefined);
});

test('Retry-After is honoured in seconds and as a date, up to the patience', () => {
  const now = Date.parse('2026-01-01T00:00:00Z');
  assert.equal(parseRetryAfter('7', now), 7000);
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:05 GMT', now), 5000);
  assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0);
  assert.equal(parseRetryAfter('soon', now), undefined);
  assert.equal(delayBefore(1, DEFAULT_RETRY, 7000), 7000);
  assert.equal(delayBefore(1, DEFAULT_RETRY, DEFAULT_RETRY.patience + 1), undefined);
});

test('no time asked for is no leave to ask at once for ever, and a number that is no time is none', () => {
  const waits = Array.from({ length: 20 }, () => delayBefore(5, DEFAULT_RETRY, 0) ?? 0);
  assert.ok(Math.max(...waits) > 100);
  for (const header of ['-5', '1.5', '']) assert.equal(parseRetryAfter(header), undefined, header);
});

test('a few bytes more are no getting on, a part that counts is', () => {
  assert.equal(isGettingOn(100, 10_000), false);
  assert.equal(isGettingOn(65_536, 10_000_000), true);
  assert.equal(isGettingOn(65_536, 1_000_000_000_000), false);
});

test('a host that never answered is not asked again and again, one that did is', () => {
  const refused = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
  assert.equal(isPassing(refused, false), false);
  assert.equal(isPassing(refused, true), true);
  assert.equal(isPassing(new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) }), false), true);
  assert.equal(isPassing(new Error('of ours'), true), false);
});
