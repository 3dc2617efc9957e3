import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { withDirectory } from '../../../../test/support/images.ts';
import { parseReference } from '../reference.ts';
import { locationsOf, parseRegistriesConf, readRegistriesConf } from './registries-conf.ts';

const where = (text: string, name: string, action: 'pull' | 'push' = 'pull') =>
  locationsOf(parseRegistriesConf(text, 'test.conf'), parseReference(name), action).map(
    ({ host, repository, insecure }) => `${host}/${repository}${insecure ? ' insecure' : ''}`,
  );

test('without a rule an image is where its name says', () => {
  assert.deepEqual(where('', 'quay.io/a/b:1'), ['quay.io/a/b']);
});

test('mirrors are asked before the registry, and never pushed to', () => {
  const text = `[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.local:5000"
insecure = true
[[registry.mirror]]
location = "cache.local/hub"
`;
  assert.deepEqual(where(text, 'nginx'), [
    'mirror.local:5000/library/nginx insecure',
    'cache.local/hub/library/nginx',
    'docker.io/library/nginx',
  ]);
  assert.deepEqual(where(text, 'nginx', 'push'), ['docker.io/library/nginx']);
});

test('the longest prefix counts, and only whole parts of a name match', () => {
  const text = `[[registry]]
prefix = "quay.io/team"
location = "one.local/x"
[[registry]]
prefix = "quay.io"
location = "two.local"
`;
  assert.deepEqual(where(text, 'quay.io/team/app:1'), ['one.local/x/app']);
  assert.deepEqual(where(text, 'quay.io/teams/app:1'), ['two.local/teams/app']);
  assert.deepEqual(where(text, 'quay.io.example.org/app:1'), ['quay.io.example.org/app']);
});

test('a wildcard stands for the host', () => {
  const text = '[[registry]]\nprefix = "*.example.org"\nlocation = "hub.local"\n[[registry]]\nprefix = "*.plain.org"\ninsecure = true\n';
  assert.deepEqual(where(text, 'a.example.org:5000/b/c:1'), ['hub.local/b/c']);
  assert.deepEqual(where(text, 'a.plain.org/b:1'), ['a.plain.org/b insecure']);
  assert.deepEqual(where(text, 'example.org/b/c:1'), ['example.org/b/c']);
});

test('a mirror for digests is asked for digests alone', () => {
  const text = '[[registry]]\nlocation = "quay.io"\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = "m.local"\n';
  assert.deepEqual(where(text, 'quay.io/a:1'), ['quay.io/a']);
  assert.deepEqual(where(text, `quay.io/a@sha256:${'0'.repeat(64)}`), ['m.local/a', 'quay.io/a']);
});

test('a blocked registry and a broken file are refused in one line', () => {
  assert.throws(() => where('[[registry]]\nlocation = "quay.io"\nblocked = true', 'quay.io/a:1'), {
    code: 'registry-blocked',
    exitCode: 2,
  });
  assert.throws(() => where('[[registry]\n', 'a'), { code: 'bad-registries-conf', exitCode: 2, message: /^test\.conf:1: it is not TOML$/ });
  assert.throws(() => where('[[registry]]\nlocation = 5', 'a'), { code: 'bad-registries-conf', message: /location/ });
  assert.throws(() => where('[[registry]]\ninsecure = true', 'a'), { code: 'bad-registries-conf', message: /neither prefix nor location/ });
});

test('the lists of version 1 count', () => {
  const text = `[registries.search]
registries = ["quay.io"]
[registries.insecure]
registries = ["a.local:5000"]
[registries.block]
registries = ["b.local"]
`;
  assert.deepEqual(where(text, 'a.local:5000/x:1'), ['a.local:5000/x insecure']);
  assert.throws(() => where(text, 'b.local/x:1'), { code: 'registry-blocked', exitCode: 2 });
  assert.deepEqual(where(text, 'nginx'), ['docker.io/library/nginx']);
});

test('a rule for one tag keeps the repository', () => {
  const text = '[[registry]]\nprefix = "quay.io/a/b:1"\nlocation = "c.local/d"\n';
  assert.deepEqual(where(text, 'quay.io/a/b:1'), ['c.local/d']);
  assert.deepEqual(where(text, 'quay.io/a/b:2'), ['quay.io/a/b']);
});

test('a file that is there and cannot be read is no leave to go on', async () => {
  await withDirectory(async (directory) => {
    await mkdir(`${directory}/containers/registries.conf`, { recursive: true });
    await assert.rejects(readRegistriesConf({ XDG_CONFIG_HOME: directory }), { code: 'bad-registries-conf', exitCode: 2 });
  });
});

test("the user's file counts, with what lies in the directory beside it", async () => {
  await withDirectory(async (directory) => {
    await mkdir(`${directory}/containers/registries.conf.d`, { recursive: true });
    await writeFile(`${directory}/containers/registries.conf`, '[[registry]]\nlocation = "a.local"\n[[registry]]\nlocation = "b.local"\n');
    await writeFile(`${directory}/containers/registries.conf.d/1.conf`, '[[registry]]\nprefix = "b.local"\nlocation = "c.local"\n');
    const conf = await readRegistriesConf({ XDG_CONFIG_HOME: directory });
    assert.equal(locationsOf(conf, parseReference('b.local/x:1'), 'pull')[0]?.host, 'c.local');
    await assert.rejects(readRegistriesConf({ CONTAINERS_REGISTRIES_CONF: `${directory}/none` }), {
      code: 'bad-registries-conf',
      exitCode: 2,
    });
  });
});
