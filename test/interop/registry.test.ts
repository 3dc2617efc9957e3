// Images to and from Debian's docker-registry, with skopeo as the other reader and writer.
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  DOCKER_MANIFEST,
  OCI_MANIFEST,
  openRegistry,
  parsePlatform,
  parseReference,
  parseRegistriesConf,
  pullImage,
  pushImage,
  type TransferEvent,
} from '../../packages/image/src/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { file, makeImage } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { makeIndex, noisyLayer, withWorkplace } from '../support/registry-content.ts';

let registry: DockerRegistry;
before(async () => {
  registry = await startDockerRegistry();
});
after(() => registry.stop());

const skopeo = (...args: string[]) => run('skopeo', args);

test('what we push skopeo reads, byte for byte', async () => {
  await withWorkplace(async ({ directory, here, settings }) => {
    const reference = parseReference(`${registry.address}/team/pushed:1.0`);
    const made = await makeImage(here, {
      name: `${registry.address}/team/pushed:1.0`,
      layers: [noisyLayer(300_000, 'a'), [file('b', 'b')]],
    });
    const pushed = await pushImage(here, reference, { registry: settings });
    assert.equal(pushed.digest, made.digest);

    await skopeo(
      'copy',
      '-q',
      '--src-tls-verify=false',
      '--preserve-digests',
      `docker://${registry.address}/team/pushed:1.0`,
      `oci:${directory}/read:x`,
    );
    const blobs = await readdir(`${directory}/read/blobs/sha256`);
    assert.equal(blobs.length, 4);
    for (const hex of blobs) {
      assert.ok((await readFile(`${directory}/read/blobs/sha256/${hex}`)).equals(await readFile(here.blobPath(`sha256:${hex}`))));
    }
  });
});

for (const [format, compression] of [
  ['oci', 'gzip'],
  ['oci', 'zstd'],
  ['v2s2', 'gzip'],
] as const) {
  test(`what skopeo pushes as ${format} with ${compression} layers we pull`, async () => {
    await withWorkplace(async ({ here, there, settings }) => {
      const name = `${registry.address}/skopeo/${format}-${compression}:1`;
      // skopeo 1.9 compresses with gzip what is not compressed, and passes zstd on.
      await makeImage(here, { name, layers: [[file('etc/hello', 'hello')]], compression: compression === 'zstd' ? 'zstd' : 'none' });
      await skopeo('copy', '-q', '--dest-tls-verify=false', '-f', format, `oci:${here.path}:${name}`, `docker://${name}`);
      const pulled = await pullImage(there, parseReference(name), { registry: settings });
      const seen = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`));
      assert.equal(pulled.mediaType, format === 'oci' ? OCI_MANIFEST : DOCKER_MANIFEST);
      assert.match(seen.layers[0].mediaType, compression === 'zstd' ? /zstd$/ : /gzip$/);
      assert.deepEqual(JSON.parse(await readFile(there.blobPath(pulled.digest), 'utf8')), seen);
    });
  });
}

test('a manifest list is pulled by platform, whole on request, and pushed whole', async () => {
  await withWorkplace(async ({ here, there, settings }) => {
    const name = `${registry.address}/team/many:1`;
    const index = await makeIndex(here, name, ['amd64', 'arm64']);
    await pushImage(here, parseReference(name), { registry: settings });
    const raw = JSON.parse(await skopeo('inspect', '--raw', '--tls-verify=false', `docker://${name}`));
    assert.equal(raw.manifests.length, 2);

    const one = await pullImage(there, parseReference(name), { registry: settings, platform: parsePlatform('linux/arm64') });
    assert.equal(one.digest, raw.manifests[1].digest);
    const all = await pullImage(there, parseReference(name), { registry: settings, platform: 'all' });
    assert.equal(all.digest, index.digest);
    await assert.rejects(
      pullImage(there, parseReference(name), { registry: settings, policy: 'always', platform: parsePlatform('linux/s390x') }),
      {
        code: 'no-platform',
        exitCode: 2,
        message: /linux\/amd64, linux\/arm64/,
      },
    );
  });
});

test('a second push sends no content, another repository takes the layers over by mount', async () => {
  await withWorkplace(async ({ here, settings }) => {
    await using proxy = await startFaultProxy(registry.address, () => undefined);
    const name = `${proxy.address}/first/app:1`;
    await makeImage(here, { name, layers: [noisyLayer(100_000, 'mount')] });
    await pushImage(here, parseReference(name), { registry: settings });
    const uploads = () => proxy.seen.filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/uploads/')).length;
    assert.equal(uploads(), 2);

    await pushImage(here, parseReference(name), { registry: settings });
    assert.equal(uploads(), 2);

    const events: TransferEvent[] = [];
    await pushImage(here, parseReference(name), {
      to: parseReference(`${proxy.address}/second/app:1`),
      registry: settings,
      onEvent: (event) => events.push(event),
    });
    assert.equal(uploads(), 3, 'the config alone');
    const mount = proxy.seen.find(({ path }) => path.startsWith('/v2/second/app/blobs/uploads/?mount=sha256'));
    assert.match(mount?.path ?? '', /&from=first%2Fapp$/);
    assert.equal(events.filter(({ kind }) => kind === 'skip').length, 1);
  });
});

test('a blob that cannot be mounted is uploaded', async () => {
  await withWorkplace(async ({ here, there, settings }) => {
    // Named after a repository in which the registry does not have it.
    await makeImage(here, { name: `${registry.address}/never/pushed:1`, layers: [noisyLayer(50_000, 'unmountable')] });
    const to = parseReference(`${registry.address}/mounted/not:1`);
    const { digest } = await pushImage(here, parseReference(`${registry.address}/never/pushed:1`), { to, registry: settings });
    assert.equal((await pullImage(there, to, { registry: settings })).digest, digest);
  });
});

test('the policies decide whether the registry is asked', async () => {
  await withWorkplace(async ({ here, there, settings }) => {
    await using proxy = await startFaultProxy(registry.address, () => undefined);
    const name = `${proxy.address}/team/policies:1`;
    const reference = parseReference(name);
    await assert.rejects(pullImage(there, reference, { registry: settings, policy: 'never' }), { code: 'image-not-found', exitCode: 2 });
    assert.equal(proxy.seen.length, 0);

    await makeImage(here, { name, layers: [[file('a', '1')]] });
    await pushImage(here, reference, { registry: settings });
    const first = await pullImage(there, reference, { registry: settings });
    const asked = proxy.seen.length;
    await pullImage(there, reference, { registry: settings, policy: 'missing' });
    assert.equal(proxy.seen.length, asked);
    assert.equal((await pullImage(there, reference, { registry: settings, policy: 'ifnewer' })).digest, first.digest);

    await makeImage(here, { name, layers: [[file('a', '2')]] });
    const second = await pushImage(here, reference, { registry: settings });
    assert.equal((await pullImage(there, reference, { registry: settings, policy: 'missing' })).digest, first.digest);
    assert.equal((await pullImage(there, reference, { registry: settings, policy: 'ifnewer' })).digest, second.digest);
  });
});

test('a name with a digest pulls exactly that', async () => {
  await withWorkplace(async ({ here, there, settings }) => {
    const name = `${registry.address}/team/exact`;
    const old = await makeImage(here, { name: `${name}:1`, layers: [[file('a', 'old')]] });
    await pushImage(here, parseReference(`${name}:1`), { registry: settings });
    await makeImage(here, { name: `${name}:1`, layers: [[file('a', 'new')]] });
    await pushImage(here, parseReference(`${name}:1`), { registry: settings });
    assert.equal((await pullImage(there, parseReference(`${name}@${old.digest}`), { registry: settings })).digest, old.digest);
  });
});

test('all tags are listed', async () => {
  await withWorkplace(async ({ here, settings }) => {
    await makeImage(here, { name: 'localhost/tags:1', layers: [[file('a', '1')]] });
    for (const tag of ['1', '2', 'latest']) {
      await pushImage(here, parseReference('localhost/tags:1'), {
        to: parseReference(`${registry.address}/team/tags:${tag}`),
        registry: settings,
      });
    }
    await using client = openRegistry(settings);
    assert.deepEqual((await client.listTags(parseReference(`${registry.address}/team/tags`))).toSorted(), ['1', '2', 'latest']);
  });
});

test('an image of Docker Hub comes from the mirror that registries.conf names, and keeps its name', async () => {
  await withWorkplace(async ({ directory, here, there, settings }) => {
    await makeImage(here, { name: 'localhost/node:1', layers: [[file('calico', 'node')]] });
    const to = parseReference(`${registry.address}/calico/node:v3`);
    const { digest } = await pushImage(here, parseReference('localhost/node:1'), { to, registry: settings });
    const path = `${directory}/registries.conf`;
    const text = `[[registry]]
prefix = "docker.io"
location = "docker.io"
[[registry.mirror]]
location = "127.0.0.1:1"
[[registry.mirror]]
location = "${registry.address}"
`;
    await writeFile(path, text);
    const environment = { ...settings.environment, CONTAINERS_REGISTRIES_CONF: path };
    const { registriesConf: _none, ...rest } = settings;
    const pulled = await pullImage(there, parseReference('calico/node:v3'), { registry: { ...rest, environment } });
    assert.equal(pulled.digest, digest);
    assert.equal((await there.resolve(parseReference('docker.io/calico/node:v3'))).digest, digest);

    // As a location: nothing but the local registry is asked, and a push goes there too.
    const moved = parseRegistriesConf(`[[registry]]\nprefix = "docker.io/calico"\nlocation = "${registry.address}/copy/calico"\n`, 'test');
    await pushImage(there, parseReference('calico/node:v3'), { registry: { ...settings, registriesConf: moved } });
    const copy = await skopeo(
      'inspect',
      '--tls-verify=false',
      '--format',
      '{{.Digest}}',
      `docker://${registry.address}/copy/calico/node:v3`,
    );
    assert.equal(copy.trim(), digest);
  });
});
