import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyConfig, configsFor } from './apply-config.ts';
import type { Config } from './cluster.ts';

const config = (strategy: Config['strategy'], data: string): Config => ({ name: 'c', match: '', path: 'etc/a.yaml', strategy, data });

test('a Config is for the image that it names exactly, or for all', () => {
  const named = { ...config('override', ''), match: 'labring/calico:v3' };
  assert.deepEqual(configsFor([named, config('append', '')], 'labring/calico:v3').length, 2);
  assert.deepEqual(configsFor([named, config('append', '')], 'labring/calico:v4').length, 1);
});

test('override, insert and append do with text what they say', () => {
  assert.equal(applyConfig(config('override', 'new'), 'old'), 'new');
  assert.equal(applyConfig(config('insert', 'new'), 'old'), 'new\nold');
  assert.equal(applyConfig(config('append', 'new'), 'old'), 'old\nnew');
  assert.equal(applyConfig(config('merge', 'a: 1\n'), undefined), 'a: 1\n');
});

test('merge lays a map over every document, lists and empty values replaced', () => {
  const current = 'a: {x: 1, w: [1, 2]}\n---\nb: 2\n';
  assert.equal(
    applyConfig(config('merge', 'a: {w: [3], z: ""}'), current),
    'a:\n  x: 1\n  w:\n    - 3\n  z: ""\n---\nb: 2\na:\n  w:\n    - 3\n  z: ""\n',
  );
});

test('a merge that cannot be is refused', () => {
  const refused = (data: string, current: string, message: RegExp) =>
    assert.throws(() => applyConfig(config('merge', data), current), { message, exitCode: 2 });
  refused('a: 1', 'a: {b: 1}', /^Config c: etc\/a\.yaml: 'a' is a map in the image/);
  refused('a: {b: 1}', 'a: 1', /'a' is not a map in the image/);
  refused('a: 1\n---\nb: 2', 'a: 1', /^Config c: data to merge is one YAML map$/);
  refused('a: 1', '- 1', /^etc\/a\.yaml:1: document 1 is not a map$/);
});
