import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, parseConstraints, parseVersion, satisfies, versionText } from './semver.ts';

function check(constraint: string, version: string): boolean {
  return satisfies(parseVersion(version), parseConstraints(constraint));
}

test('versions are read leniently and written strictly', () => {
  assert.equal(versionText(parseVersion('v1.2')), '1.2.0');
  assert.equal(versionText(parseVersion('1.2.3-rc.1+b')), '1.2.3-rc.1+b');
  for (const bad of ['', 'x', '1.2.3.4', '1.2.3-01', 'vv1']) assert.throws(() => parseVersion(bad), bad);
});

test('prereleases come before their release, numbers before words', () => {
  const sorted = ['1.0.0-1', '1.0.0-alpha', '1.0.0-alpha.1', '1.0.0-beta', '1.0.0', '1.0.1'];
  for (let index = 1; index < sorted.length; index++) {
    assert.equal(compareVersions(parseVersion(sorted[index - 1] ?? ''), parseVersion(sorted[index] ?? '')), -1);
  }
});

test('constraints follow Masterminds, not npm', () => {
  for (const [constraint, version] of [
    ['^1.27.0', 'v1.28.3'],
    ['>=1.2 <2', '1.5.0'],
    ['~1.27', '1.27.9'],
    ['1.x', '1.9'],
    ['<1 || >2', '3.0.0'],
    ['1.2 - 1.4', '1.4.0'],
    ['>= 1.0, != 1.3', '1.4.0'],
    ['*', '0.0.1'],
  ] as const) {
    assert.equal(check(constraint, version), true, `${constraint} ${version}`);
  }
  for (const [constraint, version] of [
    ['^1.27.0', 'v1.26.9'],
    ['^1.27.0', '2.0.0'],
    ['^1.27.0', '1.28.0-rc.1'],
    ['>1', '1.5.0'],
    ['^0.2.3', '0.3.0'],
    ['!=1.27', '1.27.5'],
  ] as const) {
    assert.equal(check(constraint, version), false, `${constraint} ${version}`);
  }
  assert.throws(() => parseConstraints('nope'), /improper constraint: nope/);
});
