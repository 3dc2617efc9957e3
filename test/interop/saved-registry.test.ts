import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  type Digest,
  OCI_INDEX,
  openSavedRegistry,
  openStore,
  parsePlatform,
  parseReference,
  type SealosError,
  type Store,
  saveImages,
} from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage, withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';

const platform = parsePlatform('linux/amd64');

before(() => ensureInstalled(['skopeo']));

async function storeWith(directory: string, ...names: readonly string[]): Promise<Store> {
  const store = await openStore(join(directory, 'store'));
  for (const name of names) await makeImage(store, { name, layers: [[file('name', name)], [file('shared', 'the same in all')]] });
  return store;
}

test('a real registry serves what was saved, under names without their registry host', () =>
  withDirectory(async (directory) => {
    const names = ['registry.k8s.io/pause:3.9', 'docker.io/library/nginx:1', 'quay.io/deep/path/app:v1'];
    await using store = await storeWith(directory, ...names);
    const saved = join(directory, 'registry');
    await saveImages({ directory: saved, references: names.map(parseReference), platform, source: store });
    await using registry = await startDockerRegistry({ directory: saved });
    for (const name of ['pause:3.9', 'library/nginx:1', 'deep/path/app:v1']) {
      await run('skopeo', [
        'copy',
        '--quiet',
        '--src-tls-verify=false',
        `docker://${registry.address}/${name}`,
        `oci:${join(directory, 'copy')}:x`,
      ]);
      const inspected = JSON.parse(await run('skopeo', ['inspect', '--tls-verify=false', `docker://${registry.address}/${name}`]));
      await using source = openSavedRegistry(saved);
      assert.equal((await source.resolve(parseReference(`sealos.hub:5000/${name}`))).digest, inspected.Digest);
    }
    assert.deepEqual(
      readdirSync(saved).filter((name) => name !== 'docker'),
      [],
      'no unfinished file is left',
    );
  }));

test('what is saved already is not fetched again, and what a killed run left is removed', () =>
  withDirectory(async (directory) => {
    await using store = await storeWith(directory, 'localhost/app:1');
    const saved = join(directory, 'registry');
    const references = [parseReference('localhost/app:1')];
    await saveImages({ directory: saved, references, platform, source: store });
    // No process has this number: it is above the largest that Linux gives.
    const left = join(saved, '.unfinished-4194305');
    writeFileSync(left, '');
    let fetched = 0;
    const counting = {
      resolve: store.resolve.bind(store),
      fetch: (...args: Parameters<Store['fetch']>) => {
        if (!args[1].mediaType.includes('manifest')) fetched += 1;
        return store.fetch(...args);
      },
    };
    await saveImages({ directory: saved, references, platform, source: counting });
    assert.equal(fetched, 0);
    assert.deepEqual(readdirSync(saved), ['docker']);
  }));

test('two different images that would get one name are refused, and the same image under two hosts is not', () =>
  withDirectory(async (directory) => {
    await using store = await storeWith(directory, 'one.example/app:1', 'two.example/app:1');
    const saved = join(directory, 'registry');
    const references = ['one.example/app:1', 'two.example/app:1'].map(parseReference);
    await assert.rejects(saveImages({ directory: saved, references, platform, source: store }), (error: SealosError) => {
      assert.match(error.message, /one\.example\/app:1 and two\.example\/app:1 would both be 'app:1'/);
      assert.equal(error.exitCode, 2);
      return true;
    });
    await store.tag(parseReference('two.example/app:1'), await store.resolve(parseReference('one.example/app:1')));
    await saveImages({ directory: saved, references, platform, source: store });
  }));

test('a content of several images is fetched once, and is in the repository of each', () =>
  withDirectory(async (directory) => {
    const names = ['one.example/a:1', 'one.example/b:1', 'two.example/c:1'];
    await using store = await storeWith(directory, ...names);
    const fetched: Digest[] = [];
    const counting = {
      resolve: store.resolve.bind(store),
      fetch: (...args: Parameters<Store['fetch']>) => {
        if (args[1].mediaType.includes('.layer.')) fetched.push(args[1].digest);
        return store.fetch(...args);
      },
    };
    const saved = join(directory, 'registry');
    await saveImages({ directory: saved, references: names.map(parseReference), platform, source: counting, jobs: 5 });
    assert.equal(fetched.length, 4, 'three own layers and one that all have');
    assert.equal(new Set(fetched).size, 4);
    await using registry = await startDockerRegistry({ directory: saved });
    for (const name of ['a:1', 'b:1', 'c:1']) {
      const layout = `oci:${join(directory, 'copy')}:x`;
      await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', `docker://${registry.address}/${name}`, layout]);
    }
  }));

test('an image named by the digest of an index is served by that digest, with the one platform that was saved', () =>
  withDirectory(async (directory) => {
    await using store = await openStore(join(directory, 'store'));
    const manifests = [];
    for (const architecture of ['amd64', 'arm64']) {
      const layers = [[file('arch', architecture)]];
      const manifest = await makeImage(store, { name: `localhost/app:${architecture}`, architecture, layers });
      manifests.push({ ...manifest, platform: { os: 'linux', architecture } });
    }
    const index = await store.writeBytes(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX);
    await store.tag(parseReference('localhost/app:1'), index);
    const saved = join(directory, 'registry');
    const references = [parseReference(`localhost/app:1@${index.digest}`)];
    await saveImages({ directory: saved, references, platform, source: store });
    await using registry = await startDockerRegistry({ directory: saved });
    const from = `docker://${registry.address}/app@${index.digest}`;
    await run('skopeo', [
      '--override-arch',
      'amd64',
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      from,
      `oci:${join(directory, 'copy')}:x`,
    ]);
    const other = ['--override-arch', 'arm64', 'copy', '--quiet', '--src-tls-verify=false', from, `oci:${join(directory, 'copy')}:y`];
    await assert.rejects(run('skopeo', other));
    await saveImages({ directory: saved, references, platform: 'all', source: store });
    await run('skopeo', other);
  }));
