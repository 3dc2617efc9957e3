// What is garbage in a registry, by us in a directory and by the script that runs on a cluster's host; docker-registry made it and says what is left.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { collectRegistryGarbage, digestOf, parseReference, pushImage, type RegistryGarbage, savedRegistryPaths } from '@sealos/image';
import { garbageScript, script } from '@sealos/runtime';
import { ensureInstalled } from '../../scripts/debian.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { makeIndex, noisyLayer, type Workplace, withWorkplace } from '../support/registry-content.ts';

before(() => ensureInstalled(['skopeo']));

/** Blobs by their hex digits. */
function blobsIn(directory: string): readonly string[] {
  const blobs = join(directory, 'docker', 'registry', 'v2', 'blobs', 'sha256');
  return readdirSync(blobs).flatMap((prefix) =>
    readdirSync(join(blobs, prefix)).filter((hex) => existsSync(join(blobs, prefix, hex, 'data'))),
  );
}

async function fill(registry: DockerRegistry, { here, settings }: Workplace): Promise<void> {
  for (const name of ['app:1', 'app:2', 'team/other:1']) {
    await makeImage(here, { name: `${registry.address}/${name}`, layers: [noisyLayer(50_000, 'shared'), [file('name', name)]] });
    await pushImage(here, parseReference(`${registry.address}/${name}`), { registry: settings });
  }
  await makeIndex(here, `${registry.address}/many:1`, ['amd64', 'arm64']);
  await pushImage(here, parseReference(`${registry.address}/many:1`), { registry: settings });
}

const raw = (image: string) => run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${image}`]);

/** The script as a cluster's host runs it, with something else in place of the registry's restart. */
function collectByScript(
  directory: string,
  options: { readonly dryRun?: boolean; readonly minutes?: number; readonly restart?: string },
): RegistryGarbage {
  const { dryRun = false, minutes = 0, restart } = options;
  const between = restart === undefined ? script`true` : script`bash -c ${restart}`;
  const { text } = garbageScript({ data: directory, minutes, dryRun, restart: between });
  const [blobs = '', bytes = ''] = execFileSync('bash', ['-s'], { input: text, encoding: 'utf8' }).trim().split(' ');
  return { blobs: Number(blobs), bytes: Number(bytes), manifests: 0 };
}

test('what images need stays, what they do not goes, and both ways find the same', () =>
  withWorkplace(async (place) => {
    const content = join(place.directory, 'content');
    const copy = join(place.directory, 'copy');
    await using registry = await startDockerRegistry({ directory: content });
    await fill(registry, place);
    const kept = new Set(blobsIn(content));
    assert.deepEqual(await collectRegistryGarbage(content, { olderThan: 0 }), { blobs: 0, bytes: 0, manifests: 0 });
    const app = JSON.parse(await raw(`${registry.address}/app:2`));
    const digest = digestOf(await raw(`${registry.address}/app:2`));
    await fetch(`http://${registry.address}/v2/app/manifests/${digest}`, { method: 'DELETE' });
    cpSync(content, copy, { recursive: true, preserveTimestamps: true });

    const gone = [digest, app.config.digest, app.layers[1].digest].map((each) => each.slice(7));
    const bytes = gone.map((hex) => readFileSync(join(content, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')).length);
    const garbage = { blobs: 3, bytes: bytes.reduce((sum, size) => sum + size), manifests: 0 };
    assert.deepEqual(await collectRegistryGarbage(content, { olderThan: 0, dryRun: true }), garbage);
    assert.deepEqual(collectByScript(copy, { dryRun: true }), garbage);
    assert.deepEqual(await collectRegistryGarbage(content, { olderThan: 3_600_000 }), { blobs: 0, bytes: 0, manifests: 0 });
    assert.deepEqual(collectByScript(copy, { minutes: 60 }), { blobs: 0, bytes: 0, manifests: 0 });
    assert.deepEqual(new Set(blobsIn(content)), kept, 'nothing has gone yet');

    assert.deepEqual(await collectRegistryGarbage(content, { olderThan: 0 }), garbage);
    assert.deepEqual(collectByScript(copy, {}), garbage);
    for (const directory of [content, copy]) {
      assert.deepEqual(new Set(blobsIn(directory)), new Set([...kept].filter((hex) => !gone.includes(hex))));
      assert.deepEqual(readdirSync(directory), ['docker']);
      await using after = await startDockerRegistry({ directory });
      for (const name of ['app:1', 'team/other:1', 'many:1']) {
        const layout = `oci:${join(place.directory, 'out')}:x`;
        await run('skopeo', ['copy', '-q', '--all', '--src-tls-verify=false', `docker://${after.address}/${name}`, layout]);
      }
    }
    // The registry has forgotten what went: it is pushed again, and whole.
    await using after = await startDockerRegistry({ directory: content });
    const from = parseReference(`${registry.address}/app:2`);
    await pushImage(place.here, from, { to: parseReference(`${after.address}/app:2`), registry: place.settings });
    await run('skopeo', [
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${after.address}/app:2`,
      `oci:${join(place.directory, 'out')}:y`,
    ]);
  }));

test('untagged manifests go when that is asked for, but not what a tagged one leads to', () =>
  withWorkplace(async (place) => {
    const content = join(place.directory, 'content');
    await using registry = await startDockerRegistry({ directory: content });
    await fill(registry, place);
    const before = digestOf(await raw(`${registry.address}/app:1`));
    // The tag gets another meaning.
    await makeImage(place.here, { name: `${registry.address}/app:1`, layers: [[file('name', 'new')]] });
    await pushImage(place.here, parseReference(`${registry.address}/app:1`), { registry: place.settings });
    assert.equal((await collectRegistryGarbage(content, { olderThan: 0 })).blobs, 0);
    const garbage = await collectRegistryGarbage(content, { olderThan: 0, untagged: true });
    assert.deepEqual([garbage.manifests, garbage.blobs], [1, 3]);
    await assert.rejects(raw(`${registry.address}/app@${before}`));
    const layout = `oci:${join(place.directory, 'out')}:x`;
    await run('skopeo', ['copy', '-q', '--all', '--src-tls-verify=false', `docker://${registry.address}/many:1`, layout]);
  }));

test('an image that comes while garbage is collected stays whole', () =>
  withWorkplace(async (place) => {
    const content = join(place.directory, 'content');
    await using registry = await startDockerRegistry({ directory: content });
    await fill(registry, place);
    const text = await raw(`${registry.address}/app:2`);
    const digest = digestOf(text);
    await fetch(`http://${registry.address}/v2/app/manifests/${digest}`, { method: 'DELETE' });
    // In the moment between the links and the contents a push ends whose contents were there before.
    const paths = savedRegistryPaths(content);
    const links = [paths.revisionLink('app', digest), paths.tagLink('app', '2')];
    const restart = links.map((link) => `mkdir -p ${dirname(link)}; printf ${digest} > ${link}`).join('; ');
    assert.deepEqual(collectByScript(content, { restart }), { blobs: 0, bytes: 0, manifests: 0 });
    await using after = await startDockerRegistry({ directory: content });
    await run('skopeo', [
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${after.address}/app:2`,
      `oci:${join(place.directory, 'out')}:x`,
    ]);
  }));

test('what a collection that was killed had moved aside is put back where it is wanted', () =>
  withWorkplace(async (place) => {
    const content = join(place.directory, 'content');
    await using registry = await startDockerRegistry({ directory: content });
    await fill(registry, place);
    const [layer] = JSON.parse(await raw(`${registry.address}/app:1`)).layers;
    const blob = savedRegistryPaths(content).blob(layer.digest);
    const aside = join(content, '.unfinished-garbage');
    mkdirSync(aside);
    cpSync(blob, join(aside, layer.digest.slice(7)));
    writeFileSync(join(aside, 'f'.repeat(64)), 'nobody wants this');
    rmSync(blob);
    collectByScript(content, {});
    assert.equal(digestOf(readFileSync(blob)), layer.digest);
    assert.deepEqual(readdirSync(content), ['docker']);
  }));

test('a directory without a registry is refused', () =>
  withWorkplace(async ({ directory }) => {
    await assert.rejects(collectRegistryGarbage(join(directory, 'nothing'), { olderThan: 0 }), { exitCode: 2 });
    const { text } = garbageScript({ data: join(directory, 'nothing'), minutes: 0, dryRun: false, restart: script`true` });
    assert.throws(() => execFileSync('bash', ['-s'], { input: text, stdio: 'pipe' }), { status: 3 });
  }));
