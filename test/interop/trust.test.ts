// Signatures in cosign's form, made and checked by openssl, kept in Debian's docker-registry; policies as skopeo reads them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import type { ContentSource } from '../../packages/image/src/content.ts';
import {
  type Descriptor,
  generateKeyFiles,
  hostPlatform,
  loadArchive,
  openImage,
  openRegistry,
  parsePlatform,
  parsePolicy,
  parseReference,
  pullImage,
  pushImage,
  type Reference,
  readKeyFile,
  readPrivateKey,
  readPublicKey,
  requireTrustedInStore,
  type Store,
  saveArchive,
  signImage,
  type Trust,
  verifyImage,
} from '../../packages/image/src/index.ts';
import { readList } from '../../packages/image/src/manifest-list/list.ts';
import { pushList } from '../../packages/image/src/manifest-list/push-list.ts';
import { addressPlace, directoryPlace } from '../../packages/image/src/registry-place/place.ts';
import { syncRegistry } from '../../packages/image/src/registry-place/sync.ts';
import { type SaveListedOptions, saveListed } from '../../packages/image/src/saved-registry/save-listed.ts';
import { addSignatures } from '../../packages/image/src/trust/carry.ts';
import { readSignatures } from '../../packages/image/src/trust/signatures.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { makeIndex, withWorkplace } from '../support/registry-content.ts';

let registry: DockerRegistry;
before(async () => {
  registry = await startDockerRegistry();
});
after(() => registry.stop());

function program(command: string, args: readonly string[], input: string | Buffer = ''): Buffer {
  const { status, stdout, stderr } = spawnSync(command, args, { input });
  assert.equal(status, 0, `${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
const openssl = (args: readonly string[], input?: string | Buffer) => program('openssl', args, input);
const python = (args: readonly string[], input: string | Buffer) =>
  program('/usr/bin/python3', [new URL('../support/sealed-key.py', import.meta.url).pathname, ...args], input);

/** A pair of keys that openssl made, and what demands it. */
async function keysIn(directory: string, name = 'own') {
  const [privateFile, publicFile] = [`${directory}/${name}.pem`, `${directory}/${name}.pub`];
  openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', privateFile]);
  openssl(['pkey', '-in', privateFile, '-pubout', '-out', publicFile]);
  const key = await readPrivateKey(await readFile(privateFile, 'utf8'), privateFile, async () => assert.fail('nothing to ask'));
  const required = { type: 'sigstoreSigned', keyPath: publicFile };
  const policy = parsePolicy(Buffer.from(JSON.stringify({ default: [required] })), '/p/policy.json');
  return { key, privateFile, publicFile, required, trust: { policy, keys: [] } satisfies Trust };
}

const names = async (store: Store) => (await store.list()).map(({ reference }) => `${reference.repository}:${reference.tag}`);

/** A signature as cosign stores it, over a payload that someone else wrote and signed with openssl. */
async function signWithOpenssl(store: Store, subject: Descriptor, identity: string, privateFile: string, claimed = subject.digest) {
  const payload = Buffer.from(
    `{"critical":{"identity":{"docker-reference":"${identity}"},"image":{"docker-manifest-digest":"${claimed}"},"type":"cosign container image signature"},"optional":null}`,
  );
  const signature = openssl(['dgst', '-sha256', '-sign', privateFile], payload).toString('base64');
  const type = 'application/vnd.dev.cosign.simplesigning.v1+json';
  const layer = { ...(await store.writeBytes(payload, type)), annotations: { 'dev.cosignproject.cosign/signature': signature } };
  await addSignatures(store, parseReference(identity), subject.digest, [{ payload, layer }]);
}

test('a signature that openssl made is accepted, one over another digest is not', async () => {
  await withWorkplace(async ({ directory, here }) => {
    const { privateFile, publicFile, trust } = await keysIn(directory);
    const [good, bad] = ['localhost/good:1', 'localhost/bad:1'];
    const signed = await makeImage(here, { name: good, layers: [[file('a', 'a')]] });
    const other = await makeImage(here, { name: bad, layers: [[file('b', 'b')]] });
    await signWithOpenssl(here, signed, good, privateFile);
    await signWithOpenssl(here, other, bad, privateFile, signed.digest);

    const keys = [await readKeyFile(publicFile)];
    const { claims } = await verifyImage(here, parseReference(good), { keys });
    assert.deepEqual(
      claims.map(({ identity, digest }) => ({ identity, digest })),
      [{ identity: good, digest: signed.digest }],
    );
    await requireTrustedInStore(here, parseReference(good), signed, trust);
    await assert.rejects(verifyImage(here, parseReference(bad), { keys }), { code: 'not-trusted', exitCode: 2 });
    await assert.rejects(requireTrustedInStore(here, parseReference(bad), other, trust), { code: 'not-trusted' });
  });
});

for (const [kind, arguments_] of [
  ['P-384', ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384']],
  ['RSA', ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048']],
  ['Ed25519', ['-algorithm', 'ED25519']],
] as const) {
  test(`a key of kind ${kind} signs and verifies, and another of its kind does not`, async () => {
    await withWorkplace(async ({ here }) => {
      const pair = () => {
        const pem = openssl(['genpkey', ...arguments_]).toString();
        return { pem, key: readPublicKey(openssl(['pkey', '-pubout'], pem), 'key.pub') };
      };
      const [own, foreign] = [pair(), pair()];
      await makeImage(here, { layers: [[file('a', 'a')]] });
      const reference = parseReference('localhost/test:1');
      await signImage(here, reference, { key: await readPrivateKey(own.pem, 'key', async () => '') });
      await verifyImage(here, reference, { keys: [{ name: 'own', key: own.key }] });
      await assert.rejects(verifyImage(here, reference, { keys: [{ name: 'foreign', key: foreign.key }] }), { code: 'not-trusted' });
    });
  });
}

test('openssl accepts what we signed: the payload at the registry, by the tag that cosign looks for', async () => {
  await withWorkplace(async ({ directory, here, settings }) => {
    const name = `${registry.address}/team/signed:1`;
    const { publicFile, key } = await keysIn(directory);
    const made = await makeImage(here, { name, layers: [[file('a', 'a')]] });
    await signImage(here, parseReference(name), { key });
    await pushImage(here, parseReference(name), { registry: settings });

    const tag = `sha256-${made.digest.slice('sha256:'.length)}.sig`;
    const at = `http://${registry.address}/v2/team/signed`;
    const accept = 'application/vnd.oci.image.manifest.v1+json';
    const manifest = JSON.parse(await (await fetch(`${at}/manifests/${tag}`, { headers: { accept } })).text());
    const [layer] = manifest.layers;
    assert.equal(layer.mediaType, 'application/vnd.dev.cosign.simplesigning.v1+json');
    const payload = Buffer.from(await (await fetch(`${at}/blobs/${layer.digest}`)).arrayBuffer());
    assert.deepEqual(JSON.parse(payload.toString()), {
      critical: {
        identity: { 'docker-reference': name },
        image: { 'docker-manifest-digest': made.digest },
        type: 'cosign container image signature',
      },
      optional: null,
    });
    await writeFile(`${directory}/signature`, Buffer.from(layer.annotations['dev.cosignproject.cosign/signature'], 'base64'));
    assert.match(
      openssl(['dgst', '-sha256', '-verify', publicFile, '-signature', `${directory}/signature`], payload).toString(),
      /Verified OK/,
    );
  });
});

test('libsodium opens the private key that we sealed, and we the one that it sealed, under both labels', async () => {
  const made = await generateKeyFiles('päss word');
  const der = python(['open', 'päss word'], made.privateKey);
  assert.equal(openssl(['pkey', '-inform', 'DER', '-pubout'], der).toString(), made.publicKey);
  for (const [label, cost] of [
    ['COSIGN', '32768'],
    ['SIGSTORE', '65536'],
  ] as const) {
    const sealed = python(['seal', 'secret', label, cost], der).toString();
    const key = await readPrivateKey(sealed, 'k', async () => 'secret');
    assert.deepEqual(key.export({ type: 'pkcs8', format: 'der' }), der);
    if (label === 'SIGSTORE') continue;
    await assert.rejects(
      readPrivateKey(sealed, 'k', async () => 'wrong'),
      { code: 'wrong-password', exitCode: 2 },
    );
  }
});

test('signatures travel with push, pull, save and load, and those of several signers stay together', async () => {
  await withWorkplace(async ({ directory, here, there, settings }) => {
    const name = `${registry.address}/team/travels:1`;
    const reference = parseReference(name);
    const [own, second] = [await keysIn(directory), await keysIn(directory, 'second')];
    const made = await makeImage(here, { name, layers: [[file('a', 'a')]] });
    await signImage(here, reference, { key: own.key });
    await pushImage(here, reference, { registry: settings });
    await using client = openRegistry(settings);
    await signImage(client, reference, { key: second.key });
    // Signed and sent once more, nothing is doubled or lost.
    await signImage(here, reference, { key: own.key });
    await pushImage(here, reference, { registry: client });
    assert.equal((await readSignatures(client, reference, made.digest)).length, 2);

    await pullImage(there, reference, { registry: client, trust: own.trust });
    await saveArchive(there, [reference], `${directory}/signed.tar`);
    await there.remove(reference);
    await there.close(); // what it wrote itself is no garbage to it
    await there.collectGarbage();
    assert.equal((await readSignatures(there, reference, made.digest)).length, 0, 'signatures go with what they belong to');

    await loadArchive(there, `${directory}/signed.tar`, { trust: own.trust });
    await requireTrustedInStore(there, reference, made, second.trust);
    await there.collectGarbage();
    for (const { publicFile } of [own, second]) await verifyImage(there, reference, { keys: [await readKeyFile(publicFile)] });
    assert.deepEqual(await names(there), ['team/travels:1'], 'signatures are no images');
    assert.match(program('skopeo', ['inspect', `oci-archive:${directory}/signed.tar`]).toString(), new RegExp(made.digest));
  });
});

test('signatures of a list and of what it lists travel with manifest push, and with sync', async () => {
  await withWorkplace(async ({ directory, here, settings }) => {
    await using own = await startDockerRegistry();
    const { key, publicFile } = await keysIn(directory);
    const keys = [await readKeyFile(publicFile)];
    const [list, to] = [parseReference('localhost/many:1'), parseReference(`${own.address}/team/many:1`)];
    const index = await makeIndex(here, 'localhost/many:1', ['amd64', 'arm64']);
    const [member] = (await readList(here, list)).index.manifests;
    assert.ok(member);
    await signImage(here, list, { key, recursive: true });
    await using client = openRegistry(settings);
    await pushList(here, list, { to, registry: client });
    const signed = async (place: ContentSource, name: Reference) => {
      for (const { digest } of [index, member]) assert.equal((await readSignatures(place, name, digest)).length, 1, digest);
    };
    await signed(client, to);
    await verifyImage(client, to, { keys });

    await using source = addressPlace(own.address, settings);
    await using copy = await directoryPlace(`${directory}/copy`);
    const { failed } = await syncRegistry(source, copy, { platform: 'all' });
    assert.deepEqual(failed, []);
    await signed(copy, { ...to, registry: copy.registry });
  });
});

test('with sigstoreSigned an unsigned image never becomes visible, whatever way it comes', async () => {
  await withWorkplace(async ({ directory, here, there, settings }) => {
    const name = `${registry.address}/team/unsigned:1`;
    const reference = parseReference(name);
    const { trust, key } = await keysIn(directory);
    const stranger = await keysIn(directory, 'stranger');
    await makeImage(here, { name, layers: [[file('a', 'a')]] });
    await signImage(here, reference, { key: stranger.key });
    await pushImage(here, reference, { registry: settings });
    await saveArchive(here, [reference], `${directory}/unsigned.tar`);

    const refusal = { code: 'not-trusted', exitCode: 2, message: /team\/unsigned:1 is refused: .*\/p\/policy\.json \(scope 'default'\)/ };
    await assert.rejects(pullImage(there, reference, { registry: settings, trust }), refusal);
    await assert.rejects(loadArchive(there, `${directory}/unsigned.tar`, { trust }), refusal);
    assert.deepEqual(await names(there), []);
    const saved = `${directory}/saved`;
    const listed = { directory: saved, images: [{ reference, from: 'registry', isGuess: false, where: [] }], store: there } as const;
    await using source = openRegistry(settings);
    const save = (more: Partial<SaveListedOptions> = {}) =>
      saveListed({ ...listed, archives: [], source, platform: hostPlatform(), trust, ...more });
    await assert.rejects(save(), refusal);
    await assert.rejects(save({ images: [], archives: [{ path: `${directory}/unsigned.tar`, name: reference }] }), refusal);
    assert.deepEqual(await readdir(saved).catch(() => []), [], 'nothing of it is saved for a cluster');
    assert.deepEqual(await readdir(`${there.path}/blobs/sha256`), [], 'not even its content is there');

    await pullImage(there, reference, { registry: settings, trust: { policy: undefined, keys: [] } });
    await assert.rejects(pullImage(there, reference, { registry: settings, trust }), refusal, 'what is in the store is no exception');
    await using client = openRegistry(settings);
    await signImage(client, reference, { key });
    await save();
    await pullImage(there, reference, { registry: client, trust });
    await save({ images: [{ ...listed.images[0], from: 'store' }] });
    assert.deepEqual(await names(there), ['team/unsigned:1']);
  });
});

test('a platform out of a signed index is trusted, at the registry, in the store and out of an archive', async () => {
  await withWorkplace(async ({ directory, here, there, settings }) => {
    const name = `${registry.address}/team/many:1`;
    const reference = parseReference(name);
    const { trust, key } = await keysIn(directory);
    await makeIndex(here, name, ['amd64', 'arm64']);
    await signImage(here, reference, { key });
    await pushImage(here, reference, { registry: settings });

    const options = { registry: settings, trust, platform: parsePlatform('linux/arm64') };
    const pulled = await pullImage(there, reference, options);
    await requireTrustedInStore(there, reference, pulled, trust);
    await saveArchive(there, [reference], `${directory}/one.tar`, { platform: 'all' });
    await there.remove(reference);
    await there.close(); // what it wrote itself is no garbage to it
    await there.collectGarbage();
    await loadArchive(there, `${directory}/one.tar`, { trust });
    const image = await openImage(there, reference);
    assert.equal(image.descriptor.digest, pulled.digest);
    await requireTrustedInStore(there, reference, image.descriptor, trust);
    // An index that does not list the image vouches for nothing.
    const foreign = await makeImage(there, { name: `${registry.address}/team/foreign:1`, layers: [[file('x', 'x')]] });
    await assert.rejects(requireTrustedInStore(there, parseReference(`${registry.address}/team/foreign:1`), foreign, trust), {
      code: 'not-trusted',
    });
  });
});

test('the scope that decides over an image is the one that skopeo takes', async () => {
  await withWorkplace(async ({ directory, here, settings }) => {
    const name = `${registry.address}/ns/deep/app:1`;
    const made = await makeImage(here, { name, layers: [[file('a', 'a')]] });
    await pushImage(here, parseReference(name), { registry: settings });
    const byDigest = `${registry.address}/ns/deep/app@${made.digest}`;
    const host = registry.address;
    const [yes, no] = [[{ type: 'insecureAcceptAnything' }], [{ type: 'reject' }]];
    const policies = [
      { default: yes },
      { default: no },
      { default: no, transports: { docker: { '': yes } } },
      { default: no, transports: { 'docker-daemon': { '': yes } } },
      { default: yes, transports: { docker: { [host]: no } } },
      { default: no, transports: { docker: { [`${host}/ns`]: yes, [host]: no } } },
      { default: no, transports: { docker: { [`${host}/n`]: yes } } },
      { default: no, transports: { docker: { [`${host}/ns/deep/app`]: yes, [`${host}/ns/deep`]: no } } },
      { default: no, transports: { docker: { [name]: yes } } },
      { default: no, transports: { docker: { [byDigest]: yes } } },
      { default: no, transports: { docker: { '*.0.0.1': yes } } },
      { default: no, transports: { docker: { '*.0.1': yes, '*.0.0.1': no } } },
      { default: yes, transports: { docker: { '127.0.0.1': no } } },
    ];
    for (const policy of policies) {
      const text = JSON.stringify(policy);
      await writeFile(`${directory}/policy.json`, text);
      for (const wanted of [name, byDigest]) {
        const flags = ['--policy', `${directory}/policy.json`, 'copy', '-q', '--src-tls-verify=false'];
        const { status, stderr } = spawnSync('skopeo', [...flags, `docker://${wanted}`, `dir:${directory}/out`], { encoding: 'utf8' });
        if (status !== 0) assert.match(stderr, /rejected by policy/);
        const ours = requireTrustedInStore(here, parseReference(wanted), made, { policy: parsePolicy(Buffer.from(text), 'p'), keys: [] });
        assert.equal(await ours.then(() => 0).catch(() => 1), status, `${wanted} with ${text}`);
      }
    }
  });
});

test('a name with the digest of a list is pulled by it, one platform of the list, and is there under it the next time', async () => {
  await withWorkplace(async ({ here, there, settings }) => {
    const name = `${registry.address}/team/pinned:1`;
    const index = await makeIndex(here, name, ['amd64', 'arm64']);
    await pushImage(here, parseReference(name), { registry: settings });
    for (const pinned of [`${registry.address}/team/pinned@${index.digest}`, `${name}@${index.digest}`]) {
      const reference = parseReference(pinned);
      const pulled = await pullImage(there, reference, { registry: settings, platform: parsePlatform('linux/arm64') });
      assert.equal(pulled.digest, index.digest);
      assert.equal((await openImage(there, reference, { platform: parsePlatform('linux/arm64') })).config.architecture, 'arm64');
      const again = await pullImage(there, reference, { policy: 'never', platform: parsePlatform('linux/arm64') });
      assert.equal(again.digest, index.digest);
      await assert.rejects(openImage(there, reference, { platform: parsePlatform('linux/amd64') }), { code: 'content-not-found' });
    }
  });
});
