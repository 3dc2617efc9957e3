// Our own registry against skopeo, buildah and docker-registry, which serves the same directory.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { digestOf, parseReference, pullImage, pushImage } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage, withDirectory } from '../support/images.ts';
import { buildahIn, run } from '../support/programs.ts';
import { makeIndex, noise, noisyLayer, withWorkplace } from '../support/registry-content.ts';
import { startSealosRegistry } from '../support/registry-serve.ts';
import { until } from '../support/until.ts';

before(() => ensureInstalled(['skopeo', 'buildah', 'perl']));

const skopeo = (...args: string[]) => run('skopeo', args);
const rawManifest = (image: string) => skopeo('inspect', '--raw', '--tls-verify=false', `docker://${image}`);

for (const kind of ['filesystem', 'inmem'] as const) {
  test(`what skopeo, buildah and we push to a registry (${kind}), each of the others pulls`, () =>
    withWorkplace(async ({ directory, here, there, settings }) => {
      await using registry = await startSealosRegistry(kind, ...(kind === 'inmem' ? [] : [join(directory, 'registry')]));
      const { address } = registry;
      const ours = `${address}/team/ours:1`;
      const index = await makeIndex(here, ours, ['amd64', 'arm64']);
      await pushImage(here, parseReference(ours), { registry: settings });
      await skopeo('copy', '-q', '--all', '--src-tls-verify=false', `docker://${ours}`, `oci:${directory}/layout:ours`);
      await skopeo('copy', '-q', '--all', '--dest-tls-verify=false', `oci:${directory}/layout:ours`, `docker://${address}/skopeo/copied:1`);
      const pulled = await pullImage(there, parseReference(`${address}/skopeo/copied:1`), { registry: settings, platform: 'all' });
      assert.equal(pulled.digest, index.digest);

      const buildah = buildahIn(`${directory}/buildah`);
      mkdirSync(join(directory, 'context'));
      writeFileSync(join(directory, 'context', 'hello'), 'from buildah');
      writeFileSync(join(directory, 'context', 'Dockerfile'), 'FROM scratch\nCOPY hello /hello\n');
      await buildah('build', '-q', '-t', `${address}/buildah/built:1`, join(directory, 'context'));
      await buildah('push', '-q', '--tls-verify=false', `${address}/buildah/built:1`);
      const built = await pullImage(there, parseReference(`${address}/buildah/built:1`), { registry: settings });
      assert.equal(digestOf(Buffer.from(await rawManifest(`${address}/buildah/built:1`))), built.digest);
      await buildah('pull', '-q', '--tls-verify=false', ours);

      const { Tags: tags } = JSON.parse(await skopeo('list-tags', '--tls-verify=false', `docker://${address}/team/ours`));
      assert.deepEqual(tags, ['1']);
      await skopeo('delete', '--tls-verify=false', `docker://${ours}`);
      await assert.rejects(rawManifest(ours));
      assert.equal(await registry.end('SIGTERM'), 0);
    }));
}

test('docker-registry and we serve one directory at the same time, whoever wrote into it', () =>
  withWorkplace(async ({ directory, here, settings }) => {
    const shared = join(directory, 'shared');
    await using theirs = await startDockerRegistry({ directory: shared });
    await using ours = await startSealosRegistry('fs', shared);
    const makeAndPush = async (address: string, name: string) => {
      await makeImage(here, { name: `${address}/${name}`, layers: [noisyLayer(200_000, name), [file('shared', 'the same in all')]] });
      return pushImage(here, parseReference(`${address}/${name}`), { registry: settings });
    };
    for (const [from, to, name] of [
      [ours, theirs, 'by/us:1'],
      [theirs, ours, 'by/them:1'],
    ] as const) {
      const { digest } = await makeAndPush(from.address, name);
      assert.equal(digestOf(Buffer.from(await rawManifest(`${to.address}/${name}`))), digest);
      await skopeo('copy', '-q', '--src-tls-verify=false', `docker://${to.address}/${name}`, `oci:${directory}/${name.slice(3, 5)}:x`);
      // Its content is there already, so that another name is a mount or a link.
      await skopeo(
        'copy',
        '-q',
        '--src-tls-verify=false',
        '--dest-tls-verify=false',
        `docker://${to.address}/${name}`,
        `docker://${to.address}/again/${name}`,
      );
      assert.equal(digestOf(Buffer.from(await rawManifest(`${from.address}/again/${name}`))), digest);
    }
    const catalogs = [];
    for (const { address } of [ours, theirs]) catalogs.push(await (await fetch(`http://${address}/v2/_catalog`)).json());
    assert.deepEqual(catalogs[0], { repositories: ['again/by/them', 'again/by/us', 'by/them', 'by/us'] });
    assert.deepEqual(catalogs[1], catalogs[0]);
    // A tag that moves, and one that goes, do so for both.
    await makeAndPush(ours.address, 'by/them:1');
    assert.equal(await rawManifest(`${theirs.address}/by/them:1`), await rawManifest(`${ours.address}/by/them:1`));
    await fetch(`http://${ours.address}/v2/by/them/manifests/1`, { method: 'DELETE' });
    await assert.rejects(rawManifest(`${theirs.address}/by/them:1`));
  }));

test('a registry that is killed in the middle of an upload shows nothing of it, and the next start clears it away', () =>
  withDirectory(async (directory) => {
    const content = join(directory, 'registry');
    const body = noise(8_000_000, 'killed');
    const path = `/v2/app/blobs/uploads/?digest=${digestOf(body)}`;
    {
      await using registry = await startSealosRegistry('fs', content, '--pid-file', join(directory, 'pid'));
      assert.equal(readFileSync(join(directory, 'pid'), 'utf8'), `${registry.child.pid}\n`);
      const socket = connect(Number(registry.address.split(':')[1]), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.write(body.subarray(0, 5_000_000));
      await until('half of it to be on the disk', 60_000, async () => {
        const [drafts] = existsSync(content) ? readdirSync(content) : [];
        const [name] = drafts === undefined ? [] : readdirSync(join(content, drafts));
        return name !== undefined && drafts !== undefined && readFileSync(join(content, drafts, name)).length > 3_000_000
          ? true
          : undefined;
      });
      await registry.end('SIGKILL');
      socket.destroy();
    }
    assert.equal(existsSync(join(content, 'docker')), false);
    await using registry = await startSealosRegistry('fs', content);
    assert.deepEqual(readdirSync(content), []);
    assert.equal((await fetch(`http://${registry.address}${path}`, { method: 'POST', body })).status, 201);
    const back = await (await fetch(`http://${registry.address}/v2/app/blobs/${digestOf(body)}`)).arrayBuffer();
    assert.ok(body.equals(Buffer.from(back)));
  }));

test('with logins and TLS only who is in the file gets in, as the file is at that time', () =>
  withDirectory(async (directory) => {
    // The C library's bcrypt, not the one that checks it.
    const crypt = (password: string) =>
      execFileSync('perl', ['-e', 'print crypt($ENV{P}, q($2b$05$abcdefghijklmnopqrstuu))'], { env: { P: password }, encoding: 'utf8' });
    const htpasswd = join(directory, 'htpasswd');
    writeFileSync(htpasswd, `# who may\nalice:${crypt('wonder')}\n`);
    const authority = makeAuthority(directory);
    const server = makeCertificate(directory, 'server', authority);
    await using registry = await startSealosRegistry(
      ...['fs', join(directory, 'registry'), '--htpasswd', htpasswd, '--tls-cert', server.certificate, '--tls-key', server.key],
    );
    mkdirSync(join(directory, 'certs'));
    writeFileSync(join(directory, 'certs', 'ca.crt'), readFileSync(authority.certificate));
    mkdirSync(join(directory, 'image'));
    writeFileSync(join(directory, 'image', 'Dockerfile'), 'FROM scratch\nCOPY Dockerfile /\n');
    const buildah = buildahIn(`${directory}/buildah`);
    await buildah('build', '-q', '-t', 'localhost/secret:1', join(directory, 'image'));
    const push = (login: string) =>
      buildah(
        'push',
        '-q',
        '--cert-dir',
        join(directory, 'certs'),
        '--creds',
        login,
        'localhost/secret:1',
        `docker://${registry.address}/secret:1`,
      );
    await push('alice:wonder');
    for (const login of ['alice:land', 'bob:wonder']) await assert.rejects(push(login), /unauthorized|authentication required/i, login);
    const inspect = (...login: string[]) =>
      skopeo('inspect', '--cert-dir', join(directory, 'certs'), ...login, `docker://${registry.address}/secret:1`);
    await assert.rejects(inspect('--no-creds'), /unauthorized|authentication required/i);
    assert.match(await inspect('--creds', 'alice:wonder'), /"Digest"/);
    writeFileSync(htpasswd, `alice:${crypt('changed')}\n`);
    await assert.rejects(inspect('--creds', 'alice:wonder'), /unauthorized|authentication required/i);
    assert.match(await inspect('--creds', 'alice:changed'), /"Digest"/);
  }));
