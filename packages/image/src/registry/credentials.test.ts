import assert from 'node:assert/strict';
import { lstat, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { withDirectory } from '../../../../test/support/images.ts';
import { parseRegistry } from '../login.ts';
import { changeAuthFile } from './auth-file.ts';
import { storedCredentials } from './credentials.ts';

const auth = (text: string) => Buffer.from(text).toString('base64');

async function found(directory: string, document: object, registry: string, repository?: string) {
  const authFile = `${directory}/auth.json`;
  await writeFile(authFile, JSON.stringify(document));
  return (await storedCredentials({ authFile, environment: {} })(registry, repository)).credentials;
}

test('a login is found under every way in which its registry is written', async () => {
  await withDirectory(async (directory) => {
    const expected = { kind: 'password', user: 'u', password: 'p:w' };
    for (const key of [
      'h.example.org:5000',
      'https://h.example.org:5000',
      'http://h.example.org:5000/v2/',
      'h.example.org:5000/',
      'h.example.org:5000/v1/',
    ]) {
      assert.deepEqual(await found(directory, { auths: { [key]: { auth: auth('u:p:w') } } }, 'h.example.org:5000', 'a/b'), expected, key);
    }
    for (const key of ['https://index.docker.io/v1/', 'docker.io', 'index.docker.io']) {
      assert.deepEqual(
        await found(directory, { auths: { [key]: { username: 'u', password: 'p:w' } } }, 'docker.io', 'library/nginx'),
        expected,
        key,
      );
    }
    assert.equal(await found(directory, { auths: { 'h.example.org': { auth: auth('u:p') } } }, 'h.example.org:5000'), undefined);
  });
});

test("the longest namespace's login counts", async () => {
  await withDirectory(async (directory) => {
    const auths = { 'h.io': { auth: auth('host:1') }, 'h.io/team': { auth: auth('team:1') }, 'h.io/team/app': { auth: auth('app:1') } };
    const userFor = async (repository: string) => {
      const credentials = await found(directory, { auths }, 'h.io', repository);
      return credentials?.kind === 'password' ? credentials.user : undefined;
    };
    assert.deepEqual(await Promise.all([userFor('team/app')]), ['app']);
    assert.equal(await userFor('team/other'), 'team');
    assert.equal(await userFor('x'), 'host');
  });
});

test('tokens of docker and members that Go writes as null are understood', async () => {
  await withDirectory(async (directory) => {
    const document = { auths: { 'h.io': { auth: '', identitytoken: 't', username: null } }, credHelpers: null };
    assert.deepEqual(await found(directory, document, 'h.io'), { kind: 'identity', token: 't' });
  });
});

test("docker's file is read before podman's, a named one alone", async () => {
  await withDirectory(async (home) => {
    await mkdir(`${home}/.docker`);
    await mkdir(`${home}/run/containers`, { recursive: true });
    await writeFile(`${home}/.docker/config.json`, JSON.stringify({ auths: { 'a.io': { auth: auth('docker:1') } } }));
    await writeFile(
      `${home}/run/containers/auth.json`,
      JSON.stringify({ auths: { 'a.io': { auth: auth('podman:1') }, 'b.io': { auth: auth('podman:1') } } }),
    );
    const environment = { HOME: home, XDG_RUNTIME_DIR: `${home}/run` };
    const userAt = async (registry: string, more = {}) => {
      const { credentials } = await storedCredentials({ environment: { ...environment, ...more } })(registry, undefined);
      return credentials?.kind === 'password' ? credentials.user : undefined;
    };
    assert.equal(await userAt('a.io'), 'docker');
    assert.equal(await userAt('b.io'), 'podman');
    assert.equal(await userAt('a.io', { REGISTRY_AUTH_FILE: `${home}/run/containers/auth.json` }), 'podman');
  });
});

test('a file that cannot be read is named', async () => {
  await withDirectory(async (directory) => {
    const authFile = `${directory}/auth.json`;
    const ask = () => storedCredentials({ authFile, environment: {} })('h.io', undefined);
    await assert.rejects(ask(), { code: 'bad-auth-file', exitCode: 2, message: /there is no such file/ });
    for (const text of ['{', '[]', '{"auths":[1]}', '{"auths":{"h.io":{"auth":5}}}']) {
      await writeFile(authFile, text);
      await assert.rejects(ask(), { code: 'bad-auth-file', exitCode: 2 }, text);
    }
  });
});

test('logins at the same time lose none of each other, and a link stays a link', async () => {
  await withDirectory(async (directory) => {
    await writeFile(`${directory}/real.json`, '{"HttpHeaders":{"a":"b"}}');
    const path = `${directory}/config.json`;
    await symlink('real.json', path);
    const names = Array.from({ length: 8 }, (_, n) => `h${n}.io`);
    await Promise.all(names.map((name) => changeAuthFile(path, (file) => ({ ...file, auths: { ...file.auths, [name]: {} } }))));
    assert.ok((await lstat(path)).isSymbolicLink());
    const kept = JSON.parse(await readFile(path, 'utf8'));
    assert.deepEqual(Object.keys(kept.auths).sort(), names);
    assert.deepEqual(kept.HttpHeaders, { a: 'b' });
  });
});

test('a registry is read as people write it', () => {
  for (const [text, host] of [
    ['https://h.io:5000/', 'h.io:5000'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['registry', 'registry'],
    ['[fd00::1]:5000', '[fd00::1]:5000'],
  ] as const) {
    assert.equal(parseRegistry(text), host);
  }
  for (const text of ['', 'a b', 'h.io:port', '-', 'user@h.io'])
    assert.throws(() => parseRegistry(text), { code: 'bad-registry', exitCode: 2 }, text);
});
