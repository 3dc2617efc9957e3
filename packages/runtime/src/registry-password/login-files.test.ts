import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse as parseYaml } from 'yaml';
import { checkRegistryLogin } from './check-login.ts';
import { editContainerdConfig, editDockerConfig, editHostsToml, editRegistryYaml, editShimYaml } from './login-files.ts';

const login = { domain: 'sealos.hub', port: 5000, username: 'bob', password: '012345' };
const basic = `Basic ${Buffer.from('bob:012345').toString('base64')}`;

/** An edit that is repeated changes nothing more. */
function edited(edit: (text: string, given: typeof login) => string, text: string): string {
  const once = edit(text, login);
  assert.equal(edit(once, login), once);
  return once;
}

test('registry.yml gets the login as text, and keeps the rest with its comments', () => {
  const text = '# ours\ndomain: "sealos.hub"\nport: "5000"\nusername: "admin"\npassword: passw0rd\ndata: "/var/lib/registry"\n';
  const result = edited(editRegistryYaml, text);
  assert.match(result, /^# ours\ndomain: "sealos.hub"\n/);
  assert.deepEqual(parseYaml(result), {
    domain: 'sealos.hub',
    port: '5000',
    username: 'bob',
    password: '012345',
    data: '/var/lib/registry',
  });
});

test("the shim's own login changes, not those of its other registries", () => {
  const text =
    'shim: /var/run/image-cri-shim.sock\nauth: admin:passw0rd\nregistries:\n- address: http://other:5000\n  auth: other:secret\n';
  assert.deepEqual(parseYaml(edited(editShimYaml, text)), { ...parseYaml(text), auth: 'bob:012345' });
});

test("containerd's hosts file: the header changes, is added where it lacks, and other hosts stay", () => {
  const host = 'server = "http://sealos.hub:5000"\n\n[host."http://sealos.hub:5000"]\n  capabilities = ["pull", "resolve"]\n';
  const old = `${host}  [host."http://sealos.hub:5000".header]\n    Authorization = "Basic b2xk"\n`;
  for (const text of [host, old, old.trimEnd()]) {
    const result = edited(editHostsToml, text);
    const wanted = `${host}  [host."http://sealos.hub:5000".header]\n    Authorization = "${basic}"`;
    assert.equal(result.trimEnd(), wanted);
  }
  const others =
    '[host."https://mirror.example"]\n  capabilities = ["pull"]\n  [host."https://mirror.example".header]\n    Authorization = "Basic eA=="\n';
  assert.equal(editHostsToml(others, login), others);
  assert.ok(edited(editHostsToml, `${old}${others}`).endsWith(others));
});

for (const plugin of [`"io.containerd.grpc.v1.cri"`, `'io.containerd.cri.v1.images'`]) {
  test(`containerd's configuration: the login of the registry under ${plugin}`, () => {
    const table = (name: string, user: string) =>
      `  [plugins.${plugin}.registry.configs."${name}".auth]\n      username = "${user}"\n      password = "x"\n`;
    const text = `version = 2\n[plugins.${plugin}]\n  sandbox_image = "sealos.hub:5000/pause:3.9"\n${table('sealos.hub:5000', 'admin')}${table('other:5000', 'admin')}[debug]\n  level = "info"\n`;
    const result = edited(editContainerdConfig, text);
    assert.equal(result, text.replace('username = "admin"\n      password = "x"', 'username = "bob"\n      password = "012345"'));
  });
}

test("docker's configuration: the registry's entry alone, and only where it has one", () => {
  const text = JSON.stringify({ auths: { 'sealos.hub:5000': { auth: 'b2xk' }, 'other:5000': { auth: 'eA==' } }, credsStore: 'x' });
  const result = JSON.parse(edited(editDockerConfig, text));
  assert.deepEqual(result, { auths: { 'sealos.hub:5000': { auth: basic.slice(6) }, 'other:5000': { auth: 'eA==' } }, credsStore: 'x' });
  for (const other of ['{}', '{"auths":{"other:5000":{"auth":"eA=="}}}', '[]', 'null']) assert.equal(editDockerConfig(other, login), other);
});

test('logins that would break the files of images, or are easy to guess, are refused', () => {
  checkRegistryLogin('bob', 'correct-horse_battery.staple!');
  for (const [user, password] of [
    ['bo', 'longenough'],
    ['b:b', 'longenough'],
    ['', 'longenough'],
    ['bob', '12345'],
    ['bob', 'a'.repeat(73)],
    ...[' ', '"', "'", '\\', ':', '$', '`', '\n', 'ü'].map((bad) => ['bob', `longenough${bad}`] as const),
  ] as const) {
    assert.throws(() => checkRegistryLogin(user, password), { code: 'bad-login', exitCode: 2 }, `${user} ${password}`);
  }
});
