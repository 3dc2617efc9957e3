import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Descriptor } from './manifest.ts';
import { formatPlatform, hostPlatform, matchesPlatform, parsePlatform, pickPlatform } from './platform.ts';

test('platforms have one spelling', () => {
  assert.equal(formatPlatform(parsePlatform('linux/arm64/v8')), 'linux/arm64');
  assert.equal(formatPlatform(parsePlatform('linux/aarch64')), 'linux/arm64');
  assert.equal(formatPlatform(parsePlatform('linux/x86_64')), 'linux/amd64');
  assert.equal(formatPlatform(parsePlatform('linux/arm')), 'linux/arm/v7');
  assert.equal(formatPlatform(parsePlatform('linux/armhf')), 'linux/arm/v7');
  assert.equal(formatPlatform(parsePlatform('linux/arm/v6')), 'linux/arm/v6');
  assert.match(formatPlatform(hostPlatform()), /^linux\/(amd64|arm64)/);
});

test('what is no platform is refused, exit 2', () => {
  for (const text of ['', 'linux', 'linux/', '/amd64', 'linux/amd64/v2/x', 'linux/am d64']) {
    assert.throws(() => parsePlatform(text), { code: 'bad-platform', exitCode: 2 }, text);
  }
});

test('the exact variant wins, on arm the next lower one serves, a higher one never', () => {
  const one = (architecture: string, variant?: string): Descriptor => ({
    mediaType: 'm',
    digest: `sha256:${'0'.repeat(64)}`,
    size: 1,
    platform: variant === undefined ? { os: 'linux', architecture } : { os: 'linux', architecture, variant },
  });
  const list = [one('unknown'), one('arm', 'v5'), one('arm', 'v6'), one('amd64', 'v2'), one('amd64'), one('arm64', 'v8')];
  assert.equal(pickPlatform(list, parsePlatform('linux/arm/v7')), list[2]);
  assert.equal(pickPlatform(list, parsePlatform('linux/arm/v5')), list[1]);
  assert.equal(pickPlatform(list, parsePlatform('linux/amd64')), list[4]);
  assert.equal(pickPlatform(list, parsePlatform('linux/amd64/v3')), list[3]);
  assert.equal(pickPlatform(list, parsePlatform('linux/arm64')), list[5]);
  assert.equal(pickPlatform(list, parsePlatform('linux/s390x')), undefined);
  assert.equal(matchesPlatform(parsePlatform('linux/arm/v6'), { os: 'linux', architecture: 'arm' }), false);
});
