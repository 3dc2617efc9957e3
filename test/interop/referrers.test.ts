// What refers to an image, in Debian's docker-registry, which has no API for it, and in a registry that has; SBOM and provenance of a build.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { after, before, test } from 'node:test';
import {
  attest,
  buildImage,
  checkStore,
  listReferrers,
  loadArchive,
  memoryFiles,
  openRegistry,
  parseReference,
  prepareBuild,
  pullImage,
  pushImage,
  readReferrer,
  type Store,
  saveArchive,
  serveRegistry,
} from '../../packages/image/src/index.ts';
import { attachReferrer } from '../../packages/image/src/trust/referrers.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { withWorkplace } from '../support/registry-content.ts';

const SPDX = 'application/spdx+json';
const IN_TOTO = 'application/vnd.in-toto+json';
let registry: DockerRegistry;
before(async () => {
  registry = await startDockerRegistry();
});
after(() => registry.stop());

const KUBEFILE = 'FROM localhost/base:12\nARG TOKEN\nCOPY registry registry\nCOPY lib lib\n';
const PAUSE = `sha256:${'ab'.repeat(32)}`;

async function build(store: Store, context: string) {
  const files: Readonly<Record<string, string>> = {
    Kubefile: KUBEFILE,
    'registry/docker/registry/v2/repositories/pause/_manifests/tags/3.9/current/link': PAUSE,
    'lib/apk/db/installed': 'C:Q1\nP:musl\nV:1.2.4-r2\nA:x86_64\n\nP:busybox\nV:1.36.1-r5\nA:x86_64\n',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(`${context}/${path}`), { recursive: true });
    await writeFile(`${context}/${path}`, text);
  }
  const status = [
    'Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u4\nDescription: C\n Version: 0\n',
    'Package: removed\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\n',
  ];
  const base = await makeImage(store, {
    name: 'localhost/base:12',
    layers: [[file('var/lib/dpkg/status', status.join('\n')), file('etc/os-release', 'NAME="Debian"\nID=debian\nVERSION_ID="12"\n')]],
  });
  const options = {
    context,
    names: ['localhost/app:1'],
    buildArgs: { TOKEN: 'very secret' },
    environment: { SOURCE_DATE_EPOCH: '1700000000' },
  };
  const { descriptor } = await buildImage(store, options);
  const { kubefile } = await prepareBuild(options);
  const provenance = { kubefile, target: undefined, buildArgs: ['TOKEN'] };
  const attached = await attest(store, descriptor, { name: parseReference('localhost/app:1'), sbom: true, provenance, version: 'v9' });
  return { descriptor, base, attached };
}

test('a build’s SBOM is valid SPDX 2.3 and names base image, container images and packages; its provenance is an in-toto statement', async () => {
  await withWorkplace(async ({ directory, here, there }) => {
    const reference = parseReference('localhost/app:1');
    const { descriptor, base, attached } = await build(here, `${directory}/context`);
    const listed = await listReferrers(here, reference, descriptor.digest);
    assert.deepEqual(
      listed.map(({ artifactType }) => artifactType),
      [SPDX, IN_TOTO],
    );
    const [sbom, provenance] = listed;
    assert.ok(sbom !== undefined && provenance !== undefined);
    const document = await readReferrer(here, reference, sbom);
    const checker = new URL('../support/check-spdx.py', import.meta.url).pathname;
    const checked = spawnSync('/usr/bin/python3', [checker], { input: document, encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
    assert.equal(checked.stdout.trim(), 'busybox@1.36.1-r5 libc6@2.36-9+deb12u4 localhost/app@1 localhost/base@12 musl@1.2.4-r2 pause@3.9');

    const text = (await readReferrer(here, reference, provenance)).toString();
    const statement = JSON.parse(text);
    assert.equal(statement._type, 'https://in-toto.io/Statement/v1');
    assert.equal(statement.predicateType, 'https://slsa.dev/provenance/v1');
    assert.deepEqual(statement.subject, [{ name: 'localhost/app:1', digest: { sha256: descriptor.digest.slice(7) } }]);
    const { externalParameters, resolvedDependencies } = statement.predicate.buildDefinition;
    const sum = spawnSync('sha256sum', [], { input: KUBEFILE, encoding: 'utf8' }).stdout.slice(0, 64);
    assert.equal(externalParameters.buildFile.digest.sha256, sum);
    assert.deepEqual(
      resolvedDependencies.map(({ digest }: { digest: { sha256: string } }) => digest.sha256),
      [base.digest.slice(7), PAUSE.slice(7)],
    );
    assert.doesNotMatch(text, /very secret/, 'a value of a build argument is nobody’s business');

    const again = await build(there, `${directory}/elsewhere`);
    assert.deepEqual(again.attached, attached, 'the same build says the same, wherever it is done');
    assert.deepEqual((await checkStore(here.path)).faults, [], 'what refers to an image is no damaged image');
  });
});

test('referrers travel with push, save and load, and with a pull that asks for them', async () => {
  await withWorkplace(async ({ directory, here, there, settings }) => {
    await using modern = await serveRegistry({ files: memoryFiles(), host: '127.0.0.1', port: 0 });
    for (const { address, hasApi } of [
      { address: registry.address, hasApi: false },
      { address: modern.address, hasApi: true },
    ]) {
      const name = `${address}/team/app:1`;
      const reference = parseReference(name);
      const made = await makeImage(here, { name, layers: [[file('a', address)]] });
      const entry = { subject: made, artifactType: SPDX, content: Buffer.from('{"an":"SBOM"}') };
      await attachReferrer(here, reference, entry);
      await using client = openRegistry(settings);
      await pushImage(here, reference, { registry: client });
      // What another client attached in the meantime stays.
      await attachReferrer(client, reference, { ...entry, artifactType: 'text/plain', content: Buffer.from('a note') });
      await pushImage(here, reference, { registry: client });
      const types = (await listReferrers(client, reference, made.digest)).map(({ artifactType }) => artifactType).toSorted();
      assert.deepEqual(types, [SPDX, 'text/plain']);
      const tags = await client.listTags(reference);
      assert.deepEqual(
        tags.toSorted(),
        hasApi ? ['1'] : ['1', `sha256-${made.digest.slice(7)}`],
        'the tag is for registries without the API',
      );

      await pullImage(there, reference, { registry: client });
      assert.deepEqual(await listReferrers(there, reference, made.digest), []);
      await pullImage(there, reference, { registry: client, policy: 'always', referrers: true });
      assert.equal((await listReferrers(there, reference, made.digest)).length, 2);

      await saveArchive(there, [reference], `${directory}/app.tar`);
      await there.remove(reference);
      await there.close();
      await there.collectGarbage();
      await loadArchive(there, `${directory}/app.tar`);
      const [sbom] = (await listReferrers(there, reference, made.digest)).filter(({ artifactType }) => artifactType === SPDX);
      assert.ok(sbom);
      assert.equal((await readReferrer(there, reference, sbom)).toString(), '{"an":"SBOM"}');
    }
  });
});
