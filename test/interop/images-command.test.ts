// images, inspect, prune and env, in the forms that scripts made for buildah and docker read.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  imageSummary,
  makeTree,
  OCI_CONFIG,
  OCI_MANIFEST,
  openImage,
  openStore,
  parseImageFilters,
  parseReference,
  SealosError,
} from '@sealos/image';
import { formatRows } from '../../packages/cli/src/row-template.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage, withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-images-command-'));
const env = { ...process.env, SEALOS_STORAGE: join(work, 'store'), HOME: work, SEALOS_PASSWD: 'hunter2' };

function good(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: work, input: '' });
  assert.equal(status, 0, `sealos ${args.join(' ')}: ${stderr}`);
  return stdout.trimEnd();
}

before(async () => {
  await using store = await openStore(env.SEALOS_STORAGE);
  const config = (labels: object) => ({ Labels: labels, Env: ['A=b'] });
  await makeImage(store, { name: 'docker.io/labring/calico:v3', layers: [[file('a', 'a')]], config: config({ type: 'app', 'a=b': 'x' }) });
  await makeImage(store, { name: 'docker.io/labring/helm:v3', layers: [[file('b', 'b')]], config: config({ type: 'tool' }) });
  await makeImage(store, { name: 'example.org:5000/team/deep/app:1', layers: [[file('c', 'c')]], config: config({}) });
  await store.tag(parseReference('localhost/other:name'), await store.resolve(parseReference('labring/helm:v3')));
});

after(() => rmSync(work, { recursive: true, force: true }));

test('filters choose by name, label and time; others are refused', async () => {
  await using store = await openStore(env.SEALOS_STORAGE);
  const chosen = async (...filters: readonly string[]) => {
    const passes = await parseImageFilters(store, filters);
    const summaries = await Promise.all(
      (await store.list()).map(({ reference, descriptor }) => imageSummary(store, reference, descriptor)),
    );
    return summaries.filter(passes).map(({ name }) => name);
  };
  assert.deepEqual(await chosen('reference=labring/*'), ['labring/calico:v3', 'labring/helm:v3']);
  assert.deepEqual(await chosen('reference=*/*:v[23]', 'label=type=tool'), ['labring/helm:v3']);
  assert.deepEqual(await chosen('reference=docker.io/labring/calico', 'reference=example.org:5000/*/*/app'), [
    'labring/calico:v3',
    'example.org:5000/team/deep/app:1',
  ]);
  assert.deepEqual(await chosen('reference=*app'), [], 'a star does not cross a slash');
  assert.deepEqual(await chosen('label=type'), ['labring/calico:v3', 'labring/helm:v3', 'localhost/other:name']);
  assert.deepEqual(await chosen('dangling=true'), []);
  assert.equal((await chosen('dangling=false')).length, 4);
  for (const filter of ['reference', 'colour=red', 'dangling=perhaps', 'before=labring/absent:1', 'reference=[']) {
    await assert.rejects(chosen(filter), (error) => error instanceof SealosError && error.exitCode === 2, filter);
  }
});

test('before and since go by the times at which images were made', () =>
  withDirectory(async (directory) => {
    await using store = await openStore(join(directory, 'store'));
    for (const day of [1, 2, 3]) {
      const config = { architecture: 'amd64', os: 'linux', created: `2024-01-0${day}T00:00:00Z`, rootfs: { type: 'layers', diff_ids: [] } };
      const manifest = { schemaVersion: 2, config: await store.writeBytes(JSON.stringify(config), OCI_CONFIG), layers: [] };
      await store.tag(parseReference(`localhost/day:${day}`), await store.writeBytes(JSON.stringify(manifest), OCI_MANIFEST));
    }
    const chosen = async (filter: string) => {
      const passes = await parseImageFilters(store, [filter]);
      const summaries = await Promise.all(
        (await store.list()).map(({ reference, descriptor }) => imageSummary(store, reference, descriptor)),
      );
      return summaries.filter(passes).map(({ tag }) => tag);
    };
    assert.deepEqual(await chosen('before=localhost/day:2'), ['1']);
    assert.deepEqual(await chosen('since=localhost/day:1'), ['2', '3']);
  }));

test('formats, JSON and columns are as buildah and docker write them', async () => {
  assert.equal(good('images', '--format', '{{.Name}}:{{.Tag}}', '--filter', 'reference=labring/*'), 'labring/calico:v3\nlabring/helm:v3');
  const table = good('images', '--format', 'table {{.Repository}}\\t{{.ID}}\\t{{.CreatedAt}}', 'labring/helm');
  assert.match(table, /^REPOSITORY +ID +CREATED AT\nlabring\/helm {2}[0-9a-f]{12} {2}\S+$/);
  const [image] = JSON.parse(good('images', '--json', 'labring/helm'));
  assert.deepEqual(image.names, ['labring/helm:v3', 'localhost/other:name']);
  assert.equal(image.digest, `sha256:${image.id}`);
  assert.match(
    good('images', '-n', '--history', '--no-trunc', 'labring/helm'),
    new RegExp(`^labring/helm +v3 +sha256:${image.id} .* labring/helm:v3, localhost/other:name$`),
  );
  await assert.rejects(
    formatRows('{{.Nonsense}}', [{ Name: 'x' }], { heading: true }),
    (error) => error instanceof SealosError && error.exitCode === 2 && /no field \.Nonsense/.test(error.message),
  );
  await assert.rejects(
    formatRows('{{.Name', [{ Name: 'x' }], { heading: true }),
    (error) => error instanceof SealosError && error.exitCode === 2,
  );
});

test("inspect answers buildah's templates and jq, of images here and at a registry, and of containers", async () => {
  const name = 'labring/calico:v3';
  const template =
    '{{.OCIv1.Architecture}} {{.OCIv1.architecture}} {{.OCIv1.Config.Labels.type}} {{index .OCIv1.Config.Labels "a=b"}} {{len .OCIv1.RootFS.DiffIDs}}';
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
  assert.equal(good('inspect', '-f', template, name), `${architecture} ${architecture} app x 1`);
  const shown = JSON.parse(good('inspect', name));
  const theirs = JSON.parse(await run('skopeo', ['inspect', '--config', `oci:${env.SEALOS_STORAGE}:docker.io/labring/calico:v3`]));
  assert.deepEqual(shown.OCIv1, theirs);
  assert.equal(shown.FromImageID, shown.Manifest.config.digest.slice(7));

  await using registry = await startDockerRegistry();
  const at = `docker://${registry.address}/there:1`;
  await run('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${env.SEALOS_STORAGE}:docker.io/labring/calico:v3`, at]);
  const remote = await run(sealos, ['inspect', '-f', '{{.FromImageDigest}}', at], env);
  assert.equal(remote.trim(), shown.FromImageDigest);

  await using store = await openStore(env.SEALOS_STORAGE);
  const tree = await makeTree(store, await openImage(store, parseReference(name)), { name: 'calico-tree' });
  const format = '{{.Type}} {{.Container}} {{.MountPoint}} {{.OCIv1.Config.Labels.type}}';
  assert.equal(good('inspect', '--type', 'container', '-f', format, 'calico-tree'), `container calico-tree ${tree.root} app`);
});

test('prune says what it removed and leaves images and containers; rmi and prune with a name remove that; env shows no secret', async () => {
  {
    await using store = await openStore(env.SEALOS_STORAGE);
    const { digest } = await store.writeBytes('x'.repeat(5000), 'application/octet-stream');
    await store.close();
    assert.match(good('prune'), /^blobs that no image needs: 1, 5\.0 kB\nwhat made builds quicker: .*\nfreed 5\.\d kB$/);
    assert.equal(existsSync(store.blobPath(digest)), false);
  }
  assert.equal(good('prune'), 'nothing to remove');
  assert.match(good('prune', '-f', 'labring/calico:v3', 'labring/absent:1'), /^untagged labring\/calico:v3\nremoved 3 blobs/);
  assert.equal(good('images', '-q').split('\n').length, 2);
  const variables = good('env', '-v');
  assert.match(variables, /^NAME +DEFAULT +CURRENT +DESCRIPTION$/m);
  assert.match(variables, new RegExp(`^SEALOS_STORAGE .* ${env.SEALOS_STORAGE} `, 'm'));
  assert.doesNotMatch(variables, /hunter2/);
});
