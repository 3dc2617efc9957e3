// Signatures as cosign 3 makes them: statements in Sigstore bundles that refer to an image. The bundle and its encoding are sigstore's own libraries', the
// signature is openssl's. cosign itself cannot be had where the tests run.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { after, before, test } from 'node:test';
import { bundleToJSON, toDSSEBundle, toMessageSignatureBundle } from '@sigstore/bundle';
import { dsse } from '@sigstore/core';
import {
  type Descriptor,
  listReferrers,
  loadArchive,
  memoryFiles,
  openRegistry,
  openStore,
  parsePolicy,
  parseReference,
  pullImage,
  pushImage,
  readKeyFile,
  requireTrustedInStore,
  type Store,
  saveArchive,
  serveRegistry,
  type Trust,
  verifyImage,
} from '../../packages/image/src/index.ts';
import { attachReferrer } from '../../packages/image/src/trust/referrers.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { withWorkplace } from '../support/registry-content.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const IN_TOTO = 'application/vnd.in-toto+json';
const digest = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

let registry: DockerRegistry;
before(async () => {
  registry = await startDockerRegistry();
});
after(() => registry.stop());

function openssl(args: readonly string[], input: string | Buffer = ''): Buffer {
  const { status, stdout, stderr } = spawnSync('openssl', args, { input });
  assert.equal(status, 0, `${stderr}`);
  return stdout;
}

async function keysIn(directory: string, name = 'cosign') {
  const [privateFile, publicFile] = [`${directory}/${name}.key`, `${directory}/${name}.pub`];
  openssl(['genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', privateFile]);
  openssl(['pkey', '-in', privateFile, '-pubout', '-out', publicFile]);
  const requirement = { type: 'sigstoreSigned', keyPath: publicFile, signedIdentity: { type: 'matchRepository' } };
  const policy = parsePolicy(Buffer.from(JSON.stringify({ default: [requirement] })), '/p/policy.json');
  return { privateFile, keys: [await readKeyFile(publicFile)], policy: { policy, keys: [] } satisfies Trust };
}

interface Statement {
  readonly payloadType?: string;
  readonly predicateType?: string;
  readonly type?: string;
  readonly subject?: readonly unknown[];
}

/** A bundle as `cosign sign --key` of version 3 makes it. */
function bundleOf(subject: string, privateFile: string, other: Statement = {}): Buffer {
  const { payloadType = IN_TOTO, predicateType = 'https://sigstore.dev/cosign/sign/v1', type = 'https://in-toto.io/Statement/v1' } = other;
  const about = other.subject ?? [{ digest: { sha256: subject.slice('sha256:'.length) }, annotations: { stage: 'tested' } }];
  const artifact = Buffer.from(JSON.stringify({ _type: type, subject: about, predicateType, predicate: {} }));
  const signature = openssl(['dgst', '-sha256', '-sign', privateFile], dsse.preAuthEncoding(payloadType, artifact));
  return Buffer.from(JSON.stringify(bundleToJSON(toDSSEBundle({ artifact, artifactType: payloadType, signature, keyHint: 'hint' }))));
}

const attach = (store: Store, name: string, subject: Descriptor, content: Buffer) =>
  attachReferrer(store, parseReference(name), { subject, artifactType: BUNDLE, content });

/** Puts a bundle beside an image of a registry without an API for referrers, request by request as cosign's BUNDLE_SPEC has it. */
async function putBundle(address: string, repository: string, subject: Descriptor, bundle: Buffer, artifactType: string): Promise<void> {
  const at = `http://${address}/v2/${repository}`;
  const sent = async (url: string, init: RequestInit) => assert.ok((await fetch(url, init)).ok, url);
  for (const blob of [Buffer.from('{}'), bundle]) {
    const begun = await fetch(`${at}/blobs/uploads/`, { method: 'POST' });
    const location = new URL(begun.headers.get('location') ?? '', at);
    location.searchParams.set('digest', digest(blob));
    await sent(location.href, { method: 'PUT', body: blob, headers: { 'content-type': 'application/octet-stream' } });
  }
  const annotations = {
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
  };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      artifactType: BUNDLE,
      annotations,
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digest(Buffer.from('{}')), size: 2 },
      layers: [{ mediaType: BUNDLE, digest: digest(bundle), size: bundle.length }],
      subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    }),
  );
  await sent(`${at}/manifests/${digest(manifest)}`, { method: 'PUT', body: manifest, headers: { 'content-type': MANIFEST } });
  const entry = { mediaType: MANIFEST, digest: digest(manifest), size: manifest.length, artifactType, annotations };
  const type = 'application/vnd.oci.image.index.v1+json';
  const index = JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [entry] });
  const tag = subject.digest.replace(':', '-');
  await sent(`${at}/manifests/${tag}`, { method: 'PUT', body: index, headers: { 'content-type': type } });
}

for (const [what, artifactType] of [
  ['by its type', BUNDLE],
  ['by its annotations, as the first versions wrote lists', 'application/vnd.oci.empty.v1+json'],
] as const) {
  test(`a bundle at a registry is found ${what}, believed with the key alone, and comes along with pull, save, load and push`, async () => {
    await withWorkplace(async ({ directory, here, there, settings }) => {
      const repository = `team/bundled-${artifactType.length}`;
      const name = `${registry.address}/${repository}:1`;
      const reference = parseReference(name);
      const { privateFile, keys } = await keysIn(directory);
      const stranger = await keysIn(directory, 'stranger');
      const made = await makeImage(here, { name, layers: [[file('a', 'a')]] });
      await pushImage(here, reference, { registry: settings });
      await using client = openRegistry(settings);
      await assert.rejects(verifyImage(client, reference, { keys }), { code: 'not-trusted', message: /has no signature/ });
      await putBundle(registry.address, repository, made, bundleOf(made.digest, privateFile), artifactType);

      const { claims } = await verifyImage(client, reference, { keys });
      assert.deepEqual(claims, [{ identity: undefined, digest: made.digest, annotations: { stage: 'tested' }, by: keys[0]?.name }]);
      await verifyImage(client, reference, { keys, annotations: { stage: 'tested' } });
      await assert.rejects(verifyImage(client, reference, { keys, annotations: { stage: 'new' } }), /no signature says stage=new/);
      await assert.rejects(verifyImage(client, reference, { keys: stranger.keys }), /has a signature, but none with/);

      await assert.rejects(pullImage(there, reference, { registry: client, trust: { policy: undefined, keys: stranger.keys } }), {
        code: 'not-trusted',
      });
      await pullImage(there, reference, { registry: client, trust: { policy: undefined, keys } });
      await saveArchive(there, [reference], `${directory}/signed.tar`);
      await using elsewhere = await openStore(`${directory}/elsewhere`);
      await loadArchive(elsewhere, `${directory}/signed.tar`, { trust: { policy: undefined, keys } });
      await verifyImage(elsewhere, reference, { keys });

      await using server = await serveRegistry({ files: memoryFiles(), host: '127.0.0.1', port: 0 });
      const moved = parseReference(`127.0.0.1:${server.port}/team/moved:1`);
      await elsewhere.tag(moved, made);
      await pushImage(elsewhere, moved, { registry: settings });
      await verifyImage(client, moved, { keys });
    });
  });
}

test('what is signed otherwise, about something else, or is broken, is no signature', async () => {
  await withWorkplace(async ({ directory, here }) => {
    const { privateFile, keys } = await keysIn(directory);
    const foreign = `sha256:${'0'.repeat(64)}`;
    const good = (subject: string) => bundleOf(subject, privateFile);
    const changed = (subject: string, change: (envelope: { payload: string; payloadType: string }) => void) => {
      const bundle = JSON.parse(good(subject).toString());
      change(bundle.dsseEnvelope);
      return Buffer.from(JSON.stringify(bundle));
    };
    const message = (subject: string) =>
      toMessageSignatureBundle({
        digest: Buffer.from(subject.slice(7), 'hex'),
        signature: openssl(['dgst', '-sha256', '-sign', privateFile], subject),
        keyHint: 'hint',
      });
    const cases: readonly (readonly [what: string, bundle: (subject: string) => Buffer])[] = [
      ['another image', () => good(foreign)],
      ['a provenance', (subject) => bundleOf(subject, privateFile, { predicateType: 'https://slsa.dev/provenance/v1' })],
      ['no statement', (subject) => bundleOf(subject, privateFile, { type: 'https://example.org/Statement' })],
      ['another type of payload', (subject) => bundleOf(subject, privateFile, { payloadType: 'text/plain' })],
      [
        'a type that was changed',
        (subject) => {
          const bundle = JSON.parse(bundleOf(subject, privateFile, { payloadType: 'text/plain' }).toString());
          bundle.dsseEnvelope.payloadType = IN_TOTO;
          return Buffer.from(JSON.stringify(bundle));
        },
      ],
      ['no subject', (subject) => bundleOf(subject, privateFile, { subject: [] })],
      [
        'a payload that was changed',
        (subject) =>
          changed(foreign, (envelope) => {
            const payload = Buffer.from(envelope.payload, 'base64').toString();
            envelope.payload = Buffer.from(payload.replace('0'.repeat(64), subject.slice(7))).toString('base64');
          }),
      ],
      ['a message signature', (subject) => Buffer.from(JSON.stringify(bundleToJSON(message(subject))))],
      ['no JSON', () => Buffer.from('{')],
      ['something else', () => Buffer.from('[]')],
      ['more than a megabyte', (subject) => Buffer.concat([good(subject), Buffer.alloc(1_100_000, ' ')])],
    ];
    for (const [index, [what, bundle]] of cases.entries()) {
      const name = `localhost/case:${index}`;
      const made = await makeImage(here, { name, layers: [[file('a', what)]] });
      await attach(here, name, made, bundle(made.digest));
      await assert.rejects(verifyImage(here, parseReference(name), { keys }), { code: 'not-trusted', exitCode: 2 }, what);
      // It hides no good one either.
      await attach(here, name, made, good(made.digest));
      await verifyImage(here, parseReference(name), { keys });
    }
  });
});

test('what refers to an image as if it were its signature, and is too big or broken, neither comes along with a pull nor hinders it', async () => {
  await withWorkplace(async ({ directory, here, there, settings }) => {
    const { privateFile, keys } = await keysIn(directory);
    const name = `${registry.address}/team/beset:1`;
    const reference = parseReference(name);
    const made = await makeImage(here, { name, layers: [[file('a', 'a')]] });
    const big = await attach(here, name, made, Buffer.alloc(1_100_000, ' '));
    const good = await attach(here, name, made, bundleOf(made.digest, privateFile));
    const content = Buffer.from('{"lost": true}');
    const lost = await attach(here, name, made, content);
    await pushImage(here, reference, { registry: settings });
    const gone = await fetch(`http://${registry.address}/v2/team/beset/blobs/${digest(content)}`, { method: 'DELETE' });
    assert.equal(gone.status, 202);
    await pullImage(there, reference, { registry: settings, trust: { policy: undefined, keys } });
    const kept = (await listReferrers(there, reference, made.digest)).map((entry) => entry.digest);
    assert.ok(kept.includes(good.digest));
    for (const left of [big, lost]) assert.ok(!kept.includes(left.digest), left.digest);
    await verifyImage(there, reference, { keys });
  });
});

test('a policy that demands a name is not content with a signature that has none, and says why', async () => {
  await withWorkplace(async ({ directory, here }) => {
    const { privateFile, policy } = await keysIn(directory);
    const name = 'localhost/team/named:1';
    const reference = parseReference(name);
    const made = await makeImage(here, { name, layers: [[file('a', 'a')]] });
    await attach(here, name, made, bundleOf(made.digest, privateFile));
    await assert.rejects(requireTrustedInStore(here, reference, made, policy), {
      code: 'not-trusted',
      message: /its signature names no image \(cosign 3 leaves the name away\)/,
    });
    const subject = (named: string) => [{ name: named, digest: { sha256: made.digest.slice(7) } }];
    await attach(here, name, made, bundleOf(made.digest, privateFile, { subject: subject('localhost/team/other') }));
    await assert.rejects(requireTrustedInStore(here, reference, made, policy), /it is signed as 'localhost\/team\/other'/);
    await attach(here, name, made, bundleOf(made.digest, privateFile, { subject: subject('localhost/team/named') }));
    await requireTrustedInStore(here, reference, made, policy);
  });
});
