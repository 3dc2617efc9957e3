// Logins and TLS against Debian's docker-registry: htpasswd, tokens, an authority of our own, client certificates.
import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { fixedCredentials, login, logout, openRegistry, parseReference, pullImage, pushImage } from '../../packages/image/src/index.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { makeImage } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { noisyLayer, type Workplace, withWorkplace } from '../support/registry-content.ts';
import { startTokenServer } from '../support/token-server.ts';

const htpasswd = { user: 'mara', password: 'a:pass word' };

/** Pushes a small image and pulls it back into an empty store. */
async function roundTrip(place: Workplace, address: string, more: object = {}): Promise<void> {
  const name = `${address}/team/app:1`;
  const made = await makeImage(place.here, { name, layers: [noisyLayer(50_000, 'login')] });
  const registry = { ...place.settings, ...more };
  await pushImage(place.here, parseReference(name), { registry });
  assert.equal((await pullImage(place.there, parseReference(name), { registry })).digest, made.digest);
}

test('a login is checked, kept readable by its owner alone, and used; skopeo understands it; a logout forgets it', async () => {
  await using registry = await startDockerRegistry({ htpasswd });
  await withWorkplace(async (place) => {
    const { environment } = place.settings;
    const path = `${environment['HOME']}/.docker/config.json`;
    await assert.rejects(roundTrip(place, registry.address), {
      code: 'registry-wants-login',
      exitCode: 2,
      hint: `log in with 'sealos login ${registry.address}'`,
    });
    await assert.rejects(login(registry.address, 'mara', 'wrong', place.settings), { code: 'registry-wrong-login', exitCode: 2 });
    await assert.rejects(stat(path), 'a wrong login is not kept');

    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, JSON.stringify({ detachKeys: 'ctrl-x', auths: { 'other.example.org': { auth: 'eDp5' } } }));
    assert.equal(await login(`http://${registry.address}/`, htpasswd.user, htpasswd.password, place.settings), path);
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    const kept = JSON.parse(await readFile(path, 'utf8'));
    assert.equal(kept.detachKeys, 'ctrl-x');
    assert.deepEqual(Object.keys(kept.auths), ['other.example.org', registry.address]);

    await roundTrip(place, registry.address);
    await run('skopeo', ['inspect', '--tls-verify=false', '--authfile', path, `docker://${registry.address}/team/app:1`]);

    assert.equal(await logout(registry.address, { environment }), true);
    assert.deepEqual(Object.keys(JSON.parse(await readFile(path, 'utf8')).auths), ['other.example.org']);
    assert.equal(await logout(registry.address, { environment }), false);
  });
});

test("skopeo's login is used", async () => {
  await using registry = await startDockerRegistry({ htpasswd });
  await withWorkplace(async (place) => {
    const authFile = `${place.directory}/auth.json`;
    await run('skopeo', [
      'login',
      '--tls-verify=false',
      '--authfile',
      authFile,
      '-u',
      htpasswd.user,
      '-p',
      htpasswd.password,
      registry.address,
    ]);
    await roundTrip(place, registry.address, { authFile });
  });
});

test("a credential helper of docker's is asked, and keeps a login", async () => {
  await using registry = await startDockerRegistry({ htpasswd });
  await withWorkplace(async (place) => {
    const bin = `${place.directory}/bin`;
    await mkdir(bin);
    const helper = `#!/bin/sh
kept=${place.directory}/kept
case $1 in
  store) cat >"$kept" ;;
  get) read -r server; grep -q "\\"$server\\"" "$kept" 2>/dev/null && cat "$kept" || { echo 'credentials not found in native keychain'; exit 1; } ;;
  erase) rm -f "$kept" ;;
esac
`;
    await writeFile(`${bin}/docker-credential-test`, helper);
    await chmod(`${bin}/docker-credential-test`, 0o755);
    const environment: NodeJS.ProcessEnv = { ...place.settings.environment, PATH: `${bin}:${place.settings.environment['PATH']}` };
    const settings = { ...place.settings, environment };
    const config = `${environment['HOME']}/.docker/config.json`;
    await mkdir(dirname(config), { recursive: true });
    await writeFile(config, '{"credsStore":"test"}');
    assert.equal(await login(registry.address, htpasswd.user, htpasswd.password, settings), 'docker-credential-test');
    assert.ok(!(await readFile(config, 'utf8')).includes(Buffer.from(`${htpasswd.user}:${htpasswd.password}`).toString('base64')));
    await roundTrip(place, registry.address, { environment });
    assert.equal(await logout(registry.address, { environment }), true);
    await assert.rejects(roundTrip(place, registry.address, { environment }), { code: 'registry-wants-login' });
  });
});

test('a helper that is not installed is named when a login turns out to be needed, and no hindrance before', async () => {
  await using open = await startDockerRegistry();
  await using closed = await startDockerRegistry({ htpasswd });
  await withWorkplace(async (place) => {
    const authFile = `${place.directory}/config.json`;
    await writeFile(authFile, '{"credsStore":"is-not-here"}');
    await roundTrip(place, open.address, { authFile });
    await assert.rejects(roundTrip(place, closed.address, { authFile }), { message: /docker-credential-is-not-here did not start/ });
  });
});

test('TLS with an authority of its own works by --cert-dir and by certs.d, and is refused without', async () => {
  await using registry = await startDockerRegistry({ tls: true, htpasswd });
  await withWorkplace(async (place) => {
    const credentials = fixedCredentials(htpasswd.user, htpasswd.password);
    await assert.rejects(roundTrip(place, registry.address, { credentials }), {
      code: 'registry-unknown-authority',
      exitCode: 2,
      hint: new RegExp(`/etc/containers/certs\\.d/${registry.address}/ca\\.crt`),
    });
    const directory = `${place.settings.environment['HOME']}/.config/containers/certs.d/${registry.address}`;
    await mkdir(directory, { recursive: true });
    await copyFile(registry.ca ?? '', `${directory}/ca.crt`);
    await roundTrip(place, registry.address, { credentials });
    await roundTrip(place, registry.address, { credentials, certDir: directory, environment: {} });
    await roundTrip(place, registry.address, { credentials, insecure: true, environment: {} });
  });
});

test('a client certificate is shown to a registry that wants one', async () => {
  await using registry = await startDockerRegistry({ tls: true, clientCertificate: true });
  await withWorkplace(async (place) => {
    const certDir = `${place.directory}/certs`;
    await mkdir(certDir);
    await copyFile(registry.ca ?? '', `${certDir}/ca.crt`);
    await assert.rejects(roundTrip(place, registry.address, { certDir }), { code: 'registry-wants-certificate', exitCode: 2 });
    await copyFile(registry.client?.certificate ?? '', `${certDir}/client.cert`);
    await copyFile(registry.client?.key ?? '', `${certDir}/client.key`);
    await roundTrip(place, registry.address, { certDir });
  });
});

const account = { user: 'mara', password: 'secret', identityToken: 'a-refresh-token' };
const asMara = fixedCredentials(account.user, account.password);

test('tokens are got with the login, for the scopes that are needed, and used again', async () => {
  await withWorkplace(async (place) => {
    await using tokens = await startTokenServer(place.directory, account);
    await using registry = await startDockerRegistry({ token: tokens.token });
    await roundTrip(place, registry.address, { credentials: asMara });
    const scopes = tokens.seen.map(({ parameters }) => parameters.getAll('scope'));
    assert.deepEqual(scopes, [['repository:team/app:pull,push'], ['repository:team/app:pull']]);

    // A mount needs the right to read the other repository.
    const to = parseReference(`${registry.address}/other/app:1`);
    await pushImage(place.here, parseReference(`${registry.address}/team/app:1`), {
      to,
      registry: { ...place.settings, credentials: asMara },
    });
    assert.ok(
      tokens.seen.some(
        ({ parameters }) => parameters.getAll('scope').includes('repository:team/app:pull') && parameters.getAll('scope').length === 2,
      ),
    );
    await using client = openRegistry({ ...place.settings, credentials: asMara });
    assert.deepEqual(await client.listTags(to), ['1']);
  });
});

test('an identity token is exchanged for tokens', async () => {
  await withWorkplace(async (place) => {
    await using tokens = await startTokenServer(place.directory, account);
    await using registry = await startDockerRegistry({ token: tokens.token });
    const authFile = `${place.directory}/config.json`;
    await writeFile(authFile, JSON.stringify({ auths: { [registry.address]: { auth: '', identitytoken: account.identityToken } } }));
    await roundTrip(place, registry.address, { authFile });
    assert.ok(tokens.seen.every(({ method, parameters }) => method === 'POST' && parameters.get('grant_type') === 'refresh_token'));
  });
});

test('a token server that knows POST alone is asked so', async () => {
  await withWorkplace(async (place) => {
    await using tokens = await startTokenServer(place.directory, { ...account, postOnly: true });
    await using registry = await startDockerRegistry({ token: tokens.token });
    await roundTrip(place, registry.address, { credentials: asMara });
  });
});

test('without a login one pulls where that is allowed, and is asked for a login to push', async () => {
  await withWorkplace(async (place) => {
    await using tokens = await startTokenServer(place.directory, { ...account, anonymousPull: true });
    await using registry = await startDockerRegistry({ token: tokens.token });
    await roundTrip(place, registry.address, { credentials: asMara });
    const name = parseReference(`${registry.address}/team/app:1`);
    await pullImage(place.there, name, { registry: place.settings, policy: 'always' });
    await assert.rejects(pushImage(place.here, name, { to: parseReference(`${registry.address}/team/app:2`), registry: place.settings }), {
      code: 'registry-wants-login',
      exitCode: 2,
    });
    await assert.rejects(
      pullImage(place.there, name, { registry: { ...place.settings, credentials: fixedCredentials('mara', 'wrong') }, policy: 'always' }),
      { code: 'registry-wrong-login', exitCode: 2 },
    );
    await assert.rejects(login(registry.address, 'mara', 'wrong', place.settings), { code: 'registry-wrong-login' });
    await login(registry.address, account.user, account.password, place.settings);
  });
});

test('a token that expires on the way is replaced', async () => {
  await withWorkplace(async (place) => {
    await using tokens = await startTokenServer(place.directory, { ...account, lifetime: 0 });
    await using registry = await startDockerRegistry({ token: tokens.token });
    await roundTrip(place, registry.address, { credentials: asMara });
    assert.ok(tokens.seen.length > 4);
  });
});
