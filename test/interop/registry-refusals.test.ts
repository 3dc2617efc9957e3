// What a registry refuses is one line, with a way out, exit status 2, and nothing changed: by the command itself.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { openStore, parseReference, pushImage } from '../../packages/image/src/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { file, makeImage } from '../support/images.ts';
import { withWorkplace } from '../support/registry-content.ts';

const root = dirname(dirname(import.meta.dirname));

interface Outcome {
  readonly status: number | null;
  readonly lines: readonly string[];
  readonly output: string;
}

/** Runs the real command line in a home of its own. */
async function sealos(home: string, args: readonly string[], input = ''): Promise<Outcome> {
  const environment = { PATH: process.env['PATH'], HOME: home, SEALOS_STORAGE: join(home, 'store') };
  const child = spawn(join(root, 'sealos'), args, { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {}); // it may end without having read
  child.stdin.end(input);
  const [error, output] = await Promise.all([text(child.stderr), text(child.stdout), once(child, 'close')]);
  return { status: child.exitCode, lines: error.trimEnd().split('\n'), output };
}

async function refused(home: string, args: readonly string[], message: RegExp, hint: RegExp, input = ''): Promise<void> {
  const { status, lines, output } = await sealos(home, args, input);
  assert.equal(status, 2, lines.join('\n'));
  assert.equal(lines.length, 2, 'one line and a hint');
  assert.match(lines[0] ?? '', message);
  assert.match(lines[1] ?? '', hint);
  assert.equal(output, '');
}

let plain: DockerRegistry;
let closed: DockerRegistry;
let tls: DockerRegistry;
const htpasswd = { user: 'mara', password: 'the-password' };
before(async () => {
  plain = await startDockerRegistry();
  closed = await startDockerRegistry({ htpasswd });
  tls = await startDockerRegistry({ tls: true });
});
after(() => Promise.all([plain.stop(), closed.stop(), tls.stop()]));

async function withHome(work: (home: string) => Promise<void>): Promise<void> {
  await withWorkplace(async ({ directory }) => {
    await mkdir(`${directory}/home`);
    await work(`${directory}/home`);
  });
}

test('a registry that is not there', () =>
  withHome(async (home) => {
    await refused(
      home,
      ['pull', '127.0.0.1:1/app:1'],
      /^sealos: cannot pull 127\.0\.0\.1:1\/app:1: .* nothing listens there$/,
      /check the name/,
    );
    await refused(home, ['pull', 'no-such-host.invalid/app:1'], /no-such-host\.invalid is not known/, /check the name/);
  }));

test('something that is not a registry', async () => {
  const server = createHttpServer((_, response) => response.writeHead(404).end('<html>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await withHome((home) => refused(home, ['pull', `${address}/app:1`], /is not a registry/, /check the name and the port/));
  await close(server);
});

test('a server that takes the connection and never answers is given up', async () => {
  const server = createServer((socket) => socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  await withWorkplace(async ({ here, settings }) => {
    await makeImage(here, { name: `${address}/app:1`, layers: [[file('a')]] });
    const registry = { ...settings, timeouts: { connect: 200, headers: 200 } };
    await assert.rejects(pushImage(here, parseReference(`${address}/app:1`), { registry }), {
      code: 'registry-unreachable',
      exitCode: 2,
      message: /does not answer$/,
    });
  });
  await close(server);
});

test('a registry that needs a login, and one that does not take it', () =>
  withHome(async (home) => {
    const login = new RegExp(`log in with 'sealos login ${closed.address}'`);
    await refused(home, ['pull', `${closed.address}/app:1`], /needs a login$/, login);
    await refused(home, ['pull', '--creds', 'mara:wrong', `${closed.address}/app:1`], /does not accept the login of mara$/, /sealos login/);
    const input = 'the-wrong-one\n';
    await refused(
      home,
      ['login', '-u', 'mara', '--password-stdin', closed.address],
      /does not accept the login of mara$/,
      /sealos login/,
      input,
    );
  }));

test('plain HTTP where HTTPS is expected, and the reverse', () =>
  withHome(async (home) => {
    // 127.0.0.1 in IPv6 notation: not among the names for which plain HTTP is allowed.
    const mapped = `[::ffff:7f00:1]:${plain.address.split(':')[1]}`;
    await refused(home, ['pull', `${mapped}/app:1`], /speaks plain HTTP, not HTTPS$/, /--tls-verify=false.*registries\.conf/);
    await refused(home, ['pull', '--tls-verify=false', `${mapped}/no/such:1`], /has no repository|no such image/, /check/);
    await refused(home, ['pull', '--plain-http', `${tls.address}/app:1`], /speaks HTTPS, not plain HTTP$/, /--plain-http/);
  }));

test('a certificate of an authority that is not known', () =>
  withHome((home) =>
    refused(home, ['pull', `${tls.address}/app:1`], /signed by an authority that is not known here$/, /certs\.d\/.*\/ca\.crt/),
  ));

test('a repository and a tag that are not there, each said as it is', () =>
  withHome(async (home) => {
    await refused(home, ['pull', `${plain.address}/no/such:1`], /has no repository no\/such$|has no such image$/, /check/);
    await withWorkplace(async ({ here, settings }) => {
      await makeImage(here, { name: `${plain.address}/team/there:1`, layers: [[file('a')]] });
      await pushImage(here, parseReference(`${plain.address}/team/there:1`), { registry: settings });
    });
    await refused(home, ['pull', `${plain.address}/team/there:2`], /has no such image$/, /check the tag/);
  }));

test('a registry that refuses: forbidden, read-only', async () => {
  await using forbidding = await startFaultProxy(plain.address, ({ path }) =>
    path === '/v2/' ? undefined : { kind: 'answer', status: 403, body: '{"errors":[{"code":"DENIED","message":"not for you"}]}' },
  );
  await using readonly = await startDockerRegistry({ readonly: true });
  await withHome(async (home) => {
    await refused(home, ['pull', `${forbidding.address}/team/app:1`], /refuses it$|refuses it \("not for you"\)$/, /sealos login/);
    {
      await using store = await openStore(join(home, 'store'));
      await makeImage(store, { name: `${readonly.address}/app:1`, layers: [[file('a')]] });
    }
    await refused(home, ['push', `${readonly.address}/app:1`], /does not support it/, /read-only/);
  });
});

test('a registry that registries.conf blocks', () =>
  withWorkplace(async ({ directory, here, settings }) => {
    const path = `${directory}/registries.conf`;
    await writeFile(path, `[[registry]]\nlocation = "${plain.address}"\nblocked = true\n`);
    await makeImage(here, { name: `${plain.address}/app:1`, layers: [[file('a')]] });
    const { registriesConf: _none, ...rest } = settings;
    const registry = { ...rest, environment: { ...settings.environment, CONTAINERS_REGISTRIES_CONF: path } };
    await assert.rejects(pushImage(here, parseReference(`${plain.address}/app:1`), { registry }), {
      code: 'registry-blocked',
      exitCode: 2,
    });
  }));

test('names, files and flags that cannot be right', () =>
  withHome(async (home) => {
    await refused(home, ['pull', 'Example.org/APP:1'], /upper case/, /try/);
    await refused(home, ['push', 'localhost/none:1', `${plain.address}/none:1`], /there is no image localhost\/none:1/, /sealos images/);
    await refused(home, ['login', 'not a registry', '-u', 'a', '-p', 'b'], /is not a registry/, /HOST/);
    await writeFile(join(home, 'auth.json'), '{broken');
    await refused(home, ['pull', '--authfile', join(home, 'auth.json'), `${closed.address}/app:1`], /auth\.json cannot be read/, /repair/);
  }));

test('a secret never shows in what is printed', () =>
  withHome(async (home) => {
    for (const args of [
      ['pull', '--creds', 'mara:hunter2', `${closed.address}/app:1`, '--retry', '0'],
      ['--debug', 'login', closed.address, '-u', 'mara', '-p', 'hunter2'],
    ]) {
      const { lines, output } = await sealos(home, args);
      const said = lines.join('\n') + output;
      assert.ok(!said.includes('hunter2') && !said.includes(Buffer.from('mara:hunter2').toString('base64')), said);
    }
  }));

test('login, push, pull and logout by the command line', () =>
  withHome(async (home) => {
    {
      await using store = await openStore(join(home, 'store'));
      await makeImage(store, { name: 'localhost/app:1', layers: [[file('a', 'a')]] });
    }
    const logged = await sealos(home, ['login', closed.address, '-u', 'mara', '--password-stdin'], `${htpasswd.password}\n`);
    assert.equal(logged.status, 0, logged.lines.join('\n'));
    assert.equal((await sealos(home, ['login', '--get-login', closed.address])).output, 'mara\n');
    const digestFile = join(home, 'digest');
    const pushed = await sealos(home, [
      'push',
      '-q',
      '--digestfile',
      digestFile,
      'localhost/app:1',
      `docker://${closed.address}/team/app:1`,
    ]);
    assert.equal(pushed.status, 0, pushed.lines.join('\n'));
    const pulled = await sealos(home, ['pull', '-q', '--policy', 'always', `${closed.address}/team/app:1`]);
    assert.equal(pulled.output, pushed.output);
    assert.match(pulled.output, /^sha256:[0-9a-f]{64}\n$/);
    assert.equal((await sealos(home, ['logout', closed.address])).status, 0);
    assert.equal((await sealos(home, ['pull', '--policy', 'always', `${closed.address}/team/app:1`])).status, 2);
  }));

async function close(server: Server): Promise<void> {
  if ('closeAllConnections' in server && typeof server.closeAllConnections === 'function') server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}
