// `sealos store check`, the command, on stores that this program and others wrote.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { openStore } from '../../packages/image/src/index.ts';
import { ensureInstalled } from '../../scripts/debian.ts';

import { file, makeImage, variedEntries, withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');

before(() => ensureInstalled(['skopeo']));

function check(store: string, ...flags: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(sealos, ['store', 'check', ...flags], {
    env: { ...process.env, SEALOS_STORAGE: store },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

test('what skopeo wrote into a store is whole, is found damaged when it is, and is whole again once skopeo wrote it again', () =>
  withDirectory(async (path) => {
    const store = join(path, 'store');
    const made = await openStore(join(path, 'made'));
    await makeImage(made, { name: 'localhost/app:1', layers: [variedEntries(), [file('more', 'x'.repeat(5_000_000))]] });
    await made.close();
    await (await openStore(store)).close();
    const copy = () => run('skopeo', ['copy', `oci:${made.path}:localhost/app:1`, `oci:${store}:localhost/app:1`]);
    await copy();
    const whole = check(store);
    assert.equal(whole.status, 0, whole.stdout + whole.stderr);
    assert.match(whole.stdout, /1 names, 4 blobs, .*\nnothing is wrong\n$/);

    const blobs = join(store, 'blobs', 'sha256');
    const [biggest = ''] = readdirSync(blobs).sort((a, b) => readFileSync(join(blobs, b)).length - readFileSync(join(blobs, a)).length);
    writeFileSync(join(blobs, biggest), 'another content');
    const broken = check(store, '-q');
    assert.equal(broken.status, 1);
    assert.match(
      broken.stdout,
      /^blobs\/sha256\/[0-9a-f]{64} has another content: 15 bytes with the digest sha256:.*\nlocalhost\/app:1 its layer .* is damaged\n$/,
    );

    const json = JSON.parse(check(store, '-o', 'json', '--repair').stdout);
    assert.deepEqual(
      json.faults.map(({ kind }: { kind: string }) => kind),
      ['blob', 'name'],
    );
    assert.ok(json.faults.every(({ mended }: { mended?: string }) => mended));
    assert.match(check(store).stdout, /0 names, 3 blobs.*no name leads to 3 blobs.*quarantine holds 1 files.*nothing is wrong/s);
    await copy();
    assert.match(check(store).stdout, /1 names, 4 blobs.*nothing is wrong/s);
  }));

test('a name with control characters is printed without them', () =>
  withDirectory(async (path) => {
    const store = await openStore(join(path, 'store'));
    await store.close();
    const digest = `sha256:${'0'.repeat(64)}`;
    const annotations = { 'org.opencontainers.image.ref.name': '\x1b]0;owned\x07\x1b[2J\u202eevil\nsecond line' };
    const entry = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest, size: 2, annotations };
    writeFileSync(join(store.path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    const { status, stdout, stderr } = check(store.path, '-q');
    assert.equal(status, 1);
    assert.match(stdout, /^[ -~]* its manifest sha256:000000000000 is missing\n$/);
    assert.equal(stderr, '');
  }));

test('a directory that is no store is bad input', () =>
  withDirectory(async (path) => {
    writeFileSync(join(path, 'letter'), '');
    const { status, stderr } = check(path);
    assert.equal(status, 2);
    assert.match(stderr, /is not an image store/);
  }));
