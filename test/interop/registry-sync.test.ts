// Whole registries copied, listed and emptied: docker-registry, our own, and directories; seen with skopeo.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { digestOf, parseReference, pushImage } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { startFaultProxy } from '../support/fault-proxy.ts';
import { file, makeImage, withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { makeIndex, noisyLayer, type Workplace, withWorkplace } from '../support/registry-content.ts';
import { sealosIn } from '../support/registry-images.ts';
import { startSealosRegistry } from '../support/registry-serve.ts';

before(() => ensureInstalled(['skopeo']));

const raw = (image: string) => run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${image}`]);

/** Fills a registry: an image with two tags, one for two platforms, and one that shares a layer. */
async function fill(address: string, { here, settings }: Workplace): Promise<void> {
  const shared = noisyLayer(300_000, 'shared');
  const push = (name: string, as = name) =>
    pushImage(here, parseReference(`${address}/${name}`), { to: parseReference(`${address}/${as}`), registry: settings });
  await makeImage(here, { name: `${address}/app:1`, layers: [shared, [file('app', '1')]] });
  await push('app:1');
  await push('app:1', 'app:latest');
  await makeImage(here, { name: `${address}/team/other:v2`, layers: [shared, [file('other', '2')]] });
  await push('team/other:v2');
  await makeIndex(here, `${address}/team/many:1`, ['amd64', 'arm64']);
  await push('team/many:1');
}

const NAMES = ['app:1', 'app:latest', 'team/many:1', 'team/other:v2'];

test('a registry is copied to a directory, from there to another registry, and nothing is sent twice', () =>
  withWorkplace(async (place) => {
    const { directory } = place;
    const sealos = sealosIn(directory);
    await using first = await startDockerRegistry();
    await fill(first.address, place);
    const saved = join(directory, 'saved');
    assert.match(await sealos('registry', 'sync', '--all', first.address, saved), /^4 copied, 0 there already, 0 failed$/m);
    assert.deepEqual(readdirSync(saved), ['docker']);
    await using second = await startSealosRegistry('inmem');
    await using seen = await startFaultProxy(second.address, () => undefined);
    assert.match(await sealos('registry', 'sync', '--all', saved, seen.address), /^\d+ copied/m);
    for (const name of NAMES) assert.equal(await raw(`${second.address}/${name}`), await raw(`${first.address}/${name}`), name);
    const uploads = () => seen.seen.filter(({ method, path }) => method === 'PUT' && path.includes('/blobs/uploads/')).length;
    const sent = uploads();
    const contents = new Set(seen.seen.flatMap(({ method, path }) => (method === 'PUT' ? (/digest=([^&]+)/.exec(path)?.[1] ?? []) : [])));
    assert.equal(sent, contents.size, 'what two repositories share is sent once, and mounted');
    assert.match(await sealos('registry', 'sync', '--all', saved, seen.address), /^0 copied, \d+ there already, 0 failed$/m);
    assert.equal(uploads(), sent);
  }));

test('a copy of one platform leaves the others out, and names what it cannot copy', () =>
  withWorkplace(async (place) => {
    const { directory } = place;
    const sealos = sealosIn(directory);
    await using first = await startSealosRegistry('inmem');
    await fill(first.address, place);
    const arm = join(directory, 'arm');
    await sealos('registry', 'sync', '-q', '--override-arch', 'arm64', first.address, arm);
    const listed = JSON.parse(await sealos('registry', 'ls', arm, 'team/many', '-o', 'json'));
    assert.deepEqual([listed.length, listed[0].platforms], [1, ['linux/arm64']]);
    const failed: unknown = await sealos('registry', 'sync', '--override-arch', 's390x', first.address, join(directory, 'none')).catch(
      (error) => error,
    );
    assert.ok(failed instanceof Error && 'code' in failed && 'stderr' in failed && 'stdout' in failed);
    assert.equal(failed.code, 1);
    assert.match(String(failed.stderr), /team\/many:1: .* is not for linux\/s390x: it is for linux\/amd64, linux\/arm64/);
    assert.match(String(failed.stdout), /^3 copied, 0 there already, 1 failed$/m);
  }));

test('one image is copied under its name, into a directory and into a registry', () =>
  withWorkplace(async (place) => {
    const { directory } = place;
    const sealos = sealosIn(directory);
    await using first = await startDockerRegistry();
    await fill(first.address, place);
    const saved = join(directory, 'saved');
    await sealos('registry', 'copy', '-q', `${first.address}/team/other:v2`, saved);
    assert.equal(await sealos('registry', 'ls', '-q', saved), 'team/other:v2\n');
    await using second = await startDockerRegistry({ directory: join(directory, 'second') });
    const digest = digestOf(await raw(`${first.address}/team/many:1`));
    await sealos('registry', 'copy', '-q', '--all', `${first.address}/team/many@${digest}`, second.address);
    assert.equal(digestOf(await raw(`${second.address}/team/many@${digest}`)), digest);
  }));

test('what is in a registry is listed with sizes and platforms, alike wherever it is', () =>
  withWorkplace(async (place) => {
    const { directory } = place;
    const sealos = sealosIn(directory);
    const content = join(directory, 'content');
    await using theirs = await startDockerRegistry({ directory: content });
    await using ours = await startSealosRegistry('fs', content);
    await fill(theirs.address, place);
    const lists = [];
    for (const where of [theirs.address, ours.address, content])
      lists.push(JSON.parse(await sealos('registry', 'ls', where, '-o', 'json')));
    assert.deepEqual(lists[1], lists[0]);
    assert.deepEqual(lists[2], lists[0]);
    assert.deepEqual(
      lists[0].map(({ repository, tag }: { repository: string; tag: string }) => `${repository}:${tag}`),
      NAMES,
    );
    const [app] = lists[0];
    const manifest = JSON.parse(await raw(`${theirs.address}/app:1`));
    const size = [manifest.config, ...manifest.layers].reduce((sum: number, part: { size: number }) => sum + part.size, 0);
    assert.deepEqual([app.size, app.platforms], [size, ['linux/amd64']]);
    assert.deepEqual(lists[0][2].platforms, ['linux/amd64', 'linux/arm64']);
    assert.match(await sealos('registry', 'ls', content), /^REPOSITORY +TAG +SIZE +PLATFORMS\napp +1 +/);
    await assert.rejects(sealos('registry', 'ls', content, 'nothing'), { code: 2 });
    await assert.rejects(sealos('registry', 'ls', join(directory, 'missing')), { code: 2 });
    assert.equal(existsSync(join(directory, 'missing')), false);
  }));

for (const kind of ['docker-registry', 'our registry', 'a directory'] as const) {
  test(`removing from ${kind}: a tag of several goes alone, the last with its manifests`, () =>
    withWorkplace(async (place) => {
      const { directory } = place;
      const sealos = sealosIn(directory);
      const content = join(directory, 'content');
      await using registry =
        kind === 'docker-registry' ? await startDockerRegistry({ directory: content }) : await startSealosRegistry('fs', content);
      await fill(registry.address, place);
      const remove = (name: string) =>
        kind === 'a directory' ? sealos('registry', 'rm', '--dir', content, name) : sealos('registry', 'rm', `${registry.address}/${name}`);
      const names = async () => (await sealos('registry', 'ls', '-q', registry.address)).trim().split('\n');
      const many = JSON.parse(await raw(`${registry.address}/team/many:1`));
      const app = digestOf(await raw(`${registry.address}/app:1`));
      await remove('app:latest');
      assert.deepEqual(await names(), ['app:1', 'team/many:1', 'team/other:v2']);
      assert.equal(digestOf(await raw(`${registry.address}/app@${app}`)), app);
      await remove('team/many:1');
      for (const { digest } of many.manifests) await assert.rejects(raw(`${registry.address}/team/many@${digest}`));
      await remove(`app@${app}`);
      assert.deepEqual(await names(), ['team/other:v2']);
      await assert.rejects(remove('app:1'), { code: 2, stderr: /^sealos: cannot remove app:1: .* has no such image$/m });
      await assert.rejects(remove('team/other'), { code: 2 });
    }));
}

test('a copy that is cut off goes on where it was', () =>
  withWorkplace(async (place) => {
    const { directory } = place;
    const sealos = sealosIn(directory);
    await using first = await startSealosRegistry('inmem');
    await fill(first.address, place);
    let blobs = 0;
    await using broken = await startFaultProxy(first.address, ({ method, path }) => {
      if (method === 'GET' && path.includes('/blobs/')) blobs += 1;
      return blobs > 3 ? { kind: 'answer', status: 403 } : undefined;
    });
    const target = join(directory, 'target');
    mkdirSync(target);
    await assert.rejects(sealos('registry', 'sync', '--all', broken.address, target), { code: 1 });
    assert.deepEqual(readdirSync(target), ['docker']);
    blobs = Number.NEGATIVE_INFINITY;
    await sealos('registry', 'sync', '--all', broken.address, target);
    assert.equal((await sealos('registry', 'ls', '-q', target)).trim().split('\n').length, NAMES.length);
  }));

test('a registry that cannot be reached and a file are refused before anything is made', () =>
  withDirectory(async (directory) => {
    const sealos = sealosIn(directory);
    for (const source of ['127.0.0.1:1', join(directory, 'nothing'), '/etc/hosts']) {
      await assert.rejects(sealos('registry', 'sync', source, join(directory, 'target')), { code: 2 });
      assert.equal(existsSync(join(directory, 'target')), false);
    }
  }));
