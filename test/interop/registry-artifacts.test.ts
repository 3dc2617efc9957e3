// Artifacts that are no images, and lists of images whole or one of them: by the command line, against Debian's docker-registry.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Descriptor, OCI_MANIFEST, openStore, parseReference } from '../../packages/image/src/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { run } from '../support/programs.ts';
import { makeIndex } from '../support/registry-content.ts';
import { sealosIn } from '../support/registry-images.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-registry-artifacts-'));
const call = sealosIn(work);
let registry: DockerRegistry;
before(async () => {
  registry = await startDockerRegistry();
});
after(async () => {
  await registry.stop();
  rmSync(work, { recursive: true, force: true });
});

const EMPTY = 'application/vnd.oci.empty.v1+json';

/** image-spec manifest.md, "Guidelines for Artifact Usage": a document, its config empty. */
async function makeArtifact(name: string): Promise<Descriptor> {
  await using store = await openStore(join(work, 'storage'));
  const config = await store.writeBytes('{}', EMPTY);
  const layer = await store.writeBytes('# a document', 'text/markdown');
  const annotations = { 'org.opencontainers.image.created': '2024-05-06T07:08:09Z' };
  const artifactType = 'application/vnd.example.document';
  const document = { schemaVersion: 2, mediaType: OCI_MANIFEST, artifactType, config, layers: [layer], annotations };
  const manifest = await store.writeBytes(JSON.stringify(document), OCI_MANIFEST);
  await store.tag(parseReference(name), manifest);
  return manifest;
}

const digestAt = async (name: string) =>
  (await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${registry.address}/${name}`])).trim();

test('an artifact is pushed, pulled, saved, loaded, listed and looked at, and never taken for an image', async () => {
  const { digest } = await makeArtifact('localhost/document:1');
  const there = `${registry.address}/team/document:1`;
  await call('push', '-q', 'localhost/document:1', there);
  assert.equal(JSON.parse(await digestAt('team/document:1')).artifactType, 'application/vnd.example.document');

  await call('rmi', 'localhost/document:1');
  for (const policy of ['missing', 'missing', 'ifnewer', 'always']) {
    assert.equal((await call('pull', '-q', '--policy', policy, there)).trim(), digest);
  }
  const archive = join(work, 'document.tar');
  await call('save', '-q', '-o', archive, there);
  await call('rmi', there);
  await call('load', '-q', '-i', archive);

  const [listed] = JSON.parse(await call('images', '--json'));
  assert.equal(listed.name, there);
  assert.equal(listed.artifactType, 'application/vnd.example.document');
  assert.equal(listed.created, '2024-05-06T07:08:09Z');
  const seen = JSON.parse(await call('inspect', there));
  assert.equal(seen.Type, 'artifact');
  assert.equal(seen.ArtifactType, 'application/vnd.example.document');
  assert.equal(seen.Manifest.layers[0].mediaType, 'text/markdown');

  const isNone = /is not an image but an artifact of type 'application\/vnd\.example\.document'/;
  await assert.rejects(call('save', '-q', '--format', 'docker-archive', '-o', join(work, 'docker.tar'), there), isNone);
  await call('rmi', there);
});

test('a list is pulled and pushed whole with --all, one platform of it by --platform', async () => {
  const name = 'localhost/many:1';
  {
    await using store = await openStore(join(work, 'storage'));
    await makeIndex(store, name, ['amd64', 'arm64']);
  }
  await call('push', '-q', '--all', name, `${registry.address}/team/many:1`);
  await call('push', '-q', '--platform', 'linux/arm64', name, `${registry.address}/team/arm:1`);
  assert.equal(JSON.parse(await digestAt('team/many:1')).manifests.length, 2);
  assert.equal(JSON.parse(await digestAt('team/arm:1')).manifests, undefined);

  const there = `${registry.address}/team/many:1`;
  await call('pull', '-q', '--platform', 'linux/arm64', there);
  assert.equal(JSON.parse(await call('inspect', there)).OCIv1.architecture, 'arm64');
  await call('pull', '-q', '--all', there);
  const listed = JSON.parse(await call('images', '--json', there));
  assert.deepEqual(listed[0].platforms, ['linux/amd64', 'linux/arm64']);
  // Whole to another name, from what was pulled whole.
  await call('push', '-q', there, `${registry.address}/copy/many:1`);
  assert.equal(await digestAt('copy/many:1'), await digestAt('team/many:1'));
  await assert.rejects(call('pull', '--all', '--platform', 'linux/arm64', there), /--all/);
});
