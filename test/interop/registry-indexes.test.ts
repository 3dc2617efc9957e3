// A cluster of several architectures has one registry: its tags must lead each host to its own images. Seen with Debian's registry and skopeo.
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { openImage, openStore, parsePlatform, parseReference } from '@sealos/image';
import { registryIndexes, registryTags } from '../../packages/runtime/src/run/registry-indexes.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { run } from '../support/programs.ts';
import { sealosIn } from '../support/registry-images.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-registry-indexes-'));
after(() => rmSync(work, { recursive: true, force: true }));

const ARCHITECTURES = ['amd64', 'arm64'] as const;

/** A cluster image for one architecture whose registry holds `app:1` for it and `data:1`, which is the same for all. */
async function clusterImage(architecture: string): Promise<string> {
  const directory = join(work, architecture);
  mkdirSync(directory);
  const call = sealosIn(work);
  {
    await using registry = await startDockerRegistry({ directory: join(directory, 'registry') });
    for (const [name, text] of [
      ['app', architecture],
      ['data', 'the same'],
    ] as const) {
      writeFileSync(join(directory, 'file'), text);
      writeFileSync(join(directory, 'Kubefile'), 'FROM scratch\nCOPY file /file\n');
      const platform = name === 'data' ? 'linux/amd64' : `linux/${architecture}`;
      const made = `localhost/${name}-${architecture}:1`;
      await call('build', '-q', '--timestamp', '0', '--platform', platform, '-t', made, directory);
      await call('push', '--tls-verify=false', made, `${registry.address}/team/${name}:1`);
    }
  }
  writeFileSync(join(directory, 'Kubefile'), 'FROM scratch\nCOPY registry registry\n');
  const image = `localhost/cluster-${architecture}:1`;
  await call('build', '-q', '--platform', `linux/${architecture}`, '-t', image, directory);
  return image;
}

test("in a joined registry a tag leads to each architecture's own image, and what is the same everywhere stays one", async () => {
  const registries = new Map();
  {
    const names = [];
    for (const architecture of ARCHITECTURES) names.push([architecture, await clusterImage(architecture)] as const);
    await using store = await openStore(join(work, 'storage'));
    const { signal } = new AbortController();
    for (const [architecture, name] of names) {
      const image = await openImage(store, parseReference(name), { platform: parsePlatform(`linux/${architecture}`), signal });
      registries.set(architecture, await registryTags(store, image, signal));
    }
  }
  const files = registryIndexes(registries);
  assert.deepEqual(
    files.filter(({ path }) => path.includes('/data/')),
    [],
    'one image for all needs no index',
  );
  const joined = join(work, 'joined');
  for (const architecture of ARCHITECTURES.toReversed())
    cpSync(join(work, architecture, 'registry'), join(joined, 'registry'), { recursive: true });
  for (const { path, content } of files) {
    mkdirSync(dirname(join(joined, path)), { recursive: true });
    writeFileSync(join(joined, path), content);
  }
  await using registry = await startDockerRegistry({ directory: join(joined, 'registry') });
  const app = `docker://${registry.address}/team/app:1`;
  for (const architecture of ARCHITECTURES) {
    const seen = JSON.parse(
      await run('skopeo', ['inspect', '--tls-verify=false', '--override-os', 'linux', '--override-arch', architecture, app]),
    );
    assert.equal(seen.Architecture, architecture);
    const into = join(work, `copy-${architecture}`);
    await run('skopeo', ['copy', '--src-tls-verify=false', '--override-os', 'linux', '--override-arch', architecture, app, `dir:${into}`]);
  }
  const raw = JSON.parse(await run('skopeo', ['inspect', '--raw', '--tls-verify=false', app]));
  assert.equal(raw.manifests.length, 2);
  const data = JSON.parse(await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${registry.address}/team/data:1`]));
  assert.equal(data.manifests, undefined);
});
