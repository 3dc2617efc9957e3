// Registries behind the proxies that the environment names: tunnels to HTTPS, plain HTTP, logins, and proxies that refuse.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { openRegistry, parseReference, pullImage, pushImage } from '../../packages/image/src/index.ts';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { type HttpProxy, startHttpProxy } from '../support/http-proxy.ts';
import { makeImage } from '../support/images.ts';
import { noisyLayer, type Workplace, withWorkplace } from '../support/registry-content.ts';

let tls: DockerRegistry;
let plain: DockerRegistry;
before(async () => {
  [tls, plain] = [await startDockerRegistry({ tls: true }), await startDockerRegistry()];
});
after(() => Promise.all([tls.stop(), plain.stop()]));

const login = { user: 'mara', password: 'p@ss:word' };
const asMara = (proxy: HttpProxy) => `http://mara:p%40ss%3Aword@${proxy.address}`;

/** Pushes and pulls an image at a name that leads nowhere but through the proxy. */
async function roundTrip(place: Workplace, variables: NodeJS.ProcessEnv, more: object = {}): Promise<void> {
  const name = 'registry.behind-a-proxy.test/team/app:1';
  const made = await makeImage(place.here, { name, layers: [noisyLayer(50_000, 'proxy')] });
  // The certificate is for loopback names.
  const registry = { ...place.settings, insecure: true, environment: { ...place.settings.environment, ...variables }, ...more };
  await pushImage(place.here, parseReference(name), { registry });
  assert.equal((await pullImage(place.there, parseReference(name), { registry })).digest, made.digest);
}

test('HTTPS goes through a tunnel, with the login of the proxy', () =>
  withWorkplace(async (place) => {
    await using proxy = await startHttpProxy({ target: tls.address, login });
    await roundTrip(place, { HTTPS_PROXY: asMara(proxy) });
    assert.ok(proxy.seen.length > 0);
    assert.ok(proxy.seen.every((line) => line === 'CONNECT registry.behind-a-proxy.test:443'));
  }));

test('plain HTTP goes to the proxy with whole addresses', () =>
  withWorkplace(async (place) => {
    await using proxy = await startHttpProxy({ target: plain.address, login });
    await roundTrip(place, { http_proxy: asMara(proxy) }, { plainHttp: true });
    assert.ok(proxy.seen.includes('PUT registry.behind-a-proxy.test'));
  }));

test('what NO_PROXY excepts, and this machine itself, is reached without', () =>
  withWorkplace(async (place) => {
    await using proxy = await startHttpProxy({ target: plain.address });
    const variables = { HTTPS_PROXY: `http://${proxy.address}`, HTTP_PROXY: `http://${proxy.address}`, NO_PROXY: 'example.invalid' };
    await using client = openRegistry({ ...place.settings, environment: { ...place.settings.environment, ...variables } });
    assert.deepEqual(await client.listTags(parseReference(`${plain.address}/none`)).catch(({ code }) => code), 'image-not-found');
    const why = { code: 'registry-unreachable', message: /example\.invalid is not known/ };
    await assert.rejects(client.resolve(parseReference('registry.example.invalid/app:1')), why);
    assert.deepEqual(proxy.seen, []);
  }));

for (const [what, options, error] of [
  ['wants a login', { login }, { code: 'proxy-wants-login', exitCode: 2, message: /: the proxy 127\.0\.0\.1:\d+ needs a login$/ }],
  ['refuses', { refuse: 403 }, { code: 'proxy-refused', exitCode: 2, message: /does not let through to .*: it answered with status 403$/ }],
] as const) {
  test(`a proxy that ${what} is named`, () =>
    withWorkplace(async (place) => {
      await using proxy = await startHttpProxy({ target: tls.address, ...options });
      await assert.rejects(roundTrip(place, { HTTPS_PROXY: `http://${proxy.address}` }), error);
    }));
}

test('a login that the proxy does not take is not shown', () =>
  withWorkplace(async (place) => {
    await using proxy = await startHttpProxy({ target: tls.address, login });
    for (const [variables, more] of [
      [{ HTTPS_PROXY: `http://mara:hunter2@${proxy.address}` }, {}],
      [{ HTTP_PROXY: `http://mara:hunter2@${proxy.address}` }, { plainHttp: true }],
      [{ HTTPS_PROXY: 'http://mara:hunter2@:bad' }, {}],
      [{ HTTPS_PROXY: 'ftp://mara:hunter2@proxy' }, {}],
    ] as const) {
      const error = await roundTrip(place, variables, more).catch((caught: unknown) => caught);
      assert.ok(error instanceof Error && 'hint' in error && 'exitCode' in error);
      assert.match(String(error), /proxy/);
      assert.equal(error.exitCode, 2);
      assert.ok(!`${error} ${error.hint}`.includes('hunter2'), String(error));
    }
  }));

test('a proxy that is not there, or never answers, is named in good time', () =>
  withWorkplace(async (place) => {
    await assert.rejects(roundTrip(place, { HTTPS_PROXY: 'http://127.0.0.1:1' }), {
      code: 'proxy-unreachable',
      exitCode: 2,
      message:
        /: the proxy 127\.0\.0\.1:1, through which registry\.behind-a-proxy\.test is to be reached, does not answer \(ECONNREFUSED\)$/,
    });
    await using proxy = await startHttpProxy({ target: tls.address, refuse: 0 });
    const timeouts = { connect: 300, headers: 500 };
    for (const more of [{ timeouts }, { timeouts, plainHttp: true }]) {
      const variables = { HTTPS_PROXY: `http://${proxy.address}`, HTTP_PROXY: `http://${proxy.address}` };
      await assert.rejects(roundTrip(place, variables, more), { exitCode: 2, message: /does not answer/ });
    }
  }));

test('a redirection from HTTPS to plain HTTP elsewhere is not followed', () =>
  withWorkplace(async ({ directory, settings }) => {
    const authority = makeAuthority(directory);
    const { certificate, key } = makeCertificate(directory, 'server', authority);
    const server = createServer({ cert: await readFile(certificate), key: await readFile(key) }, (request, response) => {
      if (request.url === '/v2/') response.writeHead(200).end();
      else response.writeHead(307, { location: `http://192.0.2.1${request.url}` }).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await using client = openRegistry({ ...settings, certDir: directory });
    await assert.rejects(client.resolve(parseReference(`${address}/app:1`)), {
      exitCode: 2,
      message: /redirects from HTTPS to plain HTTP at 192\.0\.2\.1: refused$/,
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }));
