import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { dockerConfig, generatePassword, htpasswd } from './credentials.ts';
import { defaultRegistryConfig, parseRegistryConfig } from './registry-config.ts';

const parse = (text: string) => parseRegistryConfig(text, 'etc/registry.yml');

test('the rendered file of a public image is read whole', () => {
  const text = 'domain: sealos.hub\nport: "5000"\nusername: "admin"\npassword: "passw0rd"\ndata: "/var/lib/registry"\n';
  assert.deepEqual(parse(text), { domain: 'sealos.hub', port: 5000, username: 'admin', password: 'passw0rd', data: '/var/lib/registry' });
});

test('without the file the defaults hold; in a file, absent credentials mean no login', () => {
  assert.deepEqual(parseRegistryConfig(undefined, 'x'), defaultRegistryConfig);
  assert.deepEqual(parse('domain:\nport: 5001\nusername: <no value>\npassword: "<no value>"'), {
    domain: 'sealos.hub',
    port: 5001,
    username: '',
    password: '',
    data: '/var/lib/registry',
  });
});

test('a password of digits stays text, and the directory is canonical', () => {
  const { password, data, ip } = parse('ip: 10.0.0.1\npassword: 123456\ndata: /data//registry/');
  assert.deepEqual([password, data, ip], ['123456', '/data/registry', '10.0.0.1']);
});

for (const [text, message] of [
  ['', 'etc/registry.yml is empty'],
  ['port: 70000', "etc/registry.yml:1: document 1: port '70000' is not a port (1 to 65535)"],
  ['domain: a b', "etc/registry.yml:1: document 1: domain 'a b' is not a host name"],
  ['\ndata: /', "etc/registry.yml:2: document 1: data '/' is not a directory of its own, such as /var/lib/registry"],
  ['data: /var/../etc', "etc/registry.yml:1: document 1: data '/var/../etc' is not a directory of its own, such as /var/lib/registry"],
  ['data: registry', "etc/registry.yml:1: document 1: data 'registry' is not a directory of its own, such as /var/lib/registry"],
  ['ip: host', "etc/registry.yml:1: document 1: ip 'host' is not an IP address"],
  ['username: "a:b"', 'etc/registry.yml:1: document 1: username must not hold a colon or a line break'],
  ['password: "a\\0b"', 'etc/registry.yml:1: document 1: password must not hold control characters'],
  ['data: "/data/x\\nrm -rf /"', 'etc/registry.yml:1: document 1: data must not hold control characters'],
  ['- a', 'etc/registry.yml:1: document 1 is not a map'],
  ['domain: [a]', 'etc/registry.yml:1: document 1: domain is Array, not (string | number)'],
] as const) {
  test(`the registry file ${JSON.stringify(text)} is refused`, () => assert.throws(() => parse(text), { message, exitCode: 2 }));
}

test('the hash is one that the C library verifies, and a wrong password does not', async () => {
  const password = `it's "$odd" ü`;
  const line = await htpasswd({ username: 'admin', password });
  const found = /^admin:(\$2a\$10\$.{53})\n$/.exec(line ?? '')?.[1] ?? '';
  const crypt = (text: string) =>
    spawnSync('perl', ['-e', 'print crypt($ENV{P}, $ENV{H})'], { env: { P: text, H: found }, encoding: 'utf8' }).stdout;
  assert.equal(crypt(password), found);
  assert.notEqual(crypt('wrong'), found);
});

test('a hash that still fits is kept, any other is made anew', async () => {
  const credentials = { username: 'admin', password: 'secret' };
  const first = await htpasswd(credentials);
  assert.equal(await htpasswd(credentials, first), first);
  assert.notEqual(await htpasswd({ ...credentials, password: 'other' }, first), first);
  assert.match((await htpasswd({ ...credentials, username: 'bob' }, first)) ?? '', /^bob:/);
  assert.match((await htpasswd(credentials, 'broken')) ?? '', /^admin:\$2a\$10\$/);
});

test('without credentials there is no login, and a password that bcrypt would cut is refused', async () => {
  assert.equal(await htpasswd({ username: '', password: '' }), undefined);
  await assert.rejects(htpasswd({ username: 'a', password: 'x'.repeat(73) }), { exitCode: 2 });
});

test('generated passwords are long, plain and differ', () => {
  const passwords = new Set(Array.from({ length: 50 }, generatePassword));
  assert.equal(passwords.size, 50);
  for (const password of passwords) assert.match(password, /^[A-Za-z0-9]{24}$/);
});

test('docker reads the login from the config file', () => {
  const { auths } = JSON.parse(dockerConfig({ domain: 'sealos.hub', port: 5000, username: 'admin', password: 'a:b' }));
  assert.equal(Buffer.from(auths['sealos.hub:5000'].auth, 'base64').toString(), 'admin:a:b');
});
