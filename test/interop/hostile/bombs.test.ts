// Content that inflates without measure, through the real command: bounded in memory and on the disk, refused in one line.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { before, test } from 'node:test';
import { createGzip, createZstdCompress, gzipSync } from 'node:zlib';
import { DOCKER_LAYER_GZIP, OCI_LAYER_ZSTD } from '../../../packages/image/src/index.ts';
import { ensureInstalled } from '../../../scripts/debian.ts';
import { dockerArchive, honestConfig, NAME, ociArchive, putImage } from '../../support/hostile-images.ts';
import { type Sandbox, withSandbox } from '../../support/hostile-sandbox.ts';
import { file, pax, raw, tar } from '../../support/hostile-tar.ts';

before(() => ensureInstalled(['zstd']));

const sealos = join(dirname(dirname(dirname(import.meta.dirname))), 'sealos');
const MIB = 1024 * 1024;

/** Runs the command and notes the most memory that it had at once, in MiB. */
async function call(sandbox: Sandbox, args: readonly string[], more: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['--import', PEAK, join(dirname(sealos), 'packages/cli/src/main.ts'), ...args], {
    env: { ...process.env, SEALOS_STORAGE: sandbox.store.path, TMPDIR: sandbox.input, ...more },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stdout.resume();
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [status] = await once(child, 'close');
  const peak = Number(/^peak (\d+)$/m.exec(stderr)?.[1]) / 1024;
  return { status, peak, stderr: stderr.replace(/^peak \d+\n/m, '') };
}
const PEAK = `data:text/javascript,${encodeURIComponent("process.on('exit',()=>process.stderr.write(`peak ${process.resourceUsage().maxRSS}\\n`))")}`;

/** A tar of zeros, `bytes` long, compressed, made without holding it. */
async function zeros(path: string, bytes: number, how: 'gzip' | 'zstd', before: readonly Buffer[] = []): Promise<void> {
  const compressor = how === 'gzip' ? createGzip() : createZstdCompress();
  const chunks = function* (): Generator<Buffer> {
    yield* before;
    yield raw({ name: 'zeros', size: `${bytes.toString(8).padStart(11, '0')}\0` });
    const zero = Buffer.alloc(MIB);
    for (let left = bytes; left > 0; left -= MIB) yield zero;
    yield Buffer.alloc(1024);
  };
  await pipeline(chunks, compressor, createWriteStream(path));
}

function assertOneLine(stderr: string): void {
  const lines = stderr.slice(stderr.indexOf('sealos: ')).trim().split('\n');
  assert.ok(lines.length <= 2 && lines[0]?.startsWith('sealos: '), stderr);
  assert.doesNotMatch(stderr, /\n\s+at |unexpected/);
}

for (const how of ['gzip', 'zstd'] as const) {
  test(`a layer that inflates a thousand times, ${how}: streamed where it may, refused where it passes the limit`, () =>
    withSandbox(async (sandbox) => {
      const { store, input } = sandbox;
      const blob = join(input, 'bomb');
      await zeros(blob, 80 * MIB, how);
      const bytes = readFileSync(blob);
      assert.ok(statSync(blob).size * 600 < 80 * MIB);
      const type = how === 'gzip' ? DOCKER_LAYER_GZIP : OCI_LAYER_ZSTD;
      const zeroTar = execFileSync(how, ['-dc'], { input: bytes, maxBuffer: 300 * MIB });
      const archive = join(input, 'archive.tar');
      writeFileSync(archive, ociArchive({ layers: [bytes], layerType: type, config: honestConfig([zeroTar]) }));
      const loaded = await call(sandbox, ['load', '-q', '-i', archive]);
      assert.equal(loaded.status, 0, loaded.stderr);
      const save = (limit: string) =>
        call(sandbox, ['save', '-q', '--format', 'docker-archive', '-o', join(input, 'out.tar'), NAME], { SEALOS_INFLATE_LIMIT: limit });
      const refused = await save(String(64 * MIB));
      assert.notEqual(refused.status, 0);
      assertOneLine(refused.stderr);
      assert.match(refused.stderr, /inflates to more than 500 times its size/);
      const streamed = await save(String(1024 * MIB));
      assert.equal(streamed.status, 0, streamed.stderr);
      for (const { peak } of [loaded, refused, streamed]) assert.ok(peak < 300, `${Math.round(peak)} MiB`);
      await store.remove((await store.list())[0]?.reference ?? assert.fail('it is not there'));
    }));
}

test('an archive that inflates without measure is refused while it is read, and leaves nothing', () =>
  withSandbox(async (sandbox) => {
    const archive = join(sandbox.input, 'archive.tar.zst');
    await zeros(archive, 80 * MIB, 'zstd', [file('manifest.json', '[]')]);
    const { status, stderr, peak } = await call(sandbox, ['load', '-q', '-i', archive], { SEALOS_INFLATE_LIMIT: String(64 * MIB) });
    assert.equal(status, 2);
    assertOneLine(stderr);
    assert.match(stderr, /inflates to more than 500 times/);
    assert.ok(peak < 300, `${Math.round(peak)} MiB`);
  }));

test('an archive in an archive in an archive is a file like others', () =>
  withSandbox(async (sandbox) => {
    let nested = gzipSync(tar(file('x', Buffer.alloc(1000))));
    for (let depth = 0; depth < 20; depth++) nested = gzipSync(tar(file('x.tar.gz', nested)));
    const archive = join(sandbox.input, 'archive.tar.gz');
    writeFileSync(archive, gzipSync(gzipSync(nested)));
    const twice = await call(sandbox, ['load', '-q', '-i', archive]);
    assert.equal(twice.status, 2);
    assertOneLine(twice.stderr);
  }));

test('a content that the disk has no room for is refused before it comes', () =>
  withSandbox(async (sandbox) => {
    const archive = join(sandbox.input, 'archive.tar');
    // 8 EiB would be refused as damaged; no disk has 4 PiB.
    const name = `blobs/sha256/${'a'.repeat(64)}`;
    writeFileSync(archive, tar(raw({ name, size: Buffer.from([0x80, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]) })));
    const { status, stderr } = await call(sandbox, ['load', '-q', '-i', archive]);
    assert.notEqual(status, 0);
    assertOneLine(stderr);
    assert.match(stderr, /for which the disk is full/);
  }));

test('names, labels and errors of strangers reach the terminal without control characters', () =>
  withSandbox(async (sandbox) => {
    const { input, store } = sandbox;
    const archive = join(input, 'archive.tar');
    writeFileSync(archive, dockerArchive({ manifest: [{ Config: '\x1b]0;owned\x07\u202e\nsealos: fine', RepoTags: [NAME], Layers: [] }] }));
    const { status, stderr } = await call(sandbox, ['load', '-q', '-i', archive]);
    assert.equal(status, 2);
    assertOneLine(stderr);
    assert.match(stderr, /^[ -~\n]*$/);
    await putImage(store, [tar(file('a'))], NAME, honestConfig([tar(file('a'))], { config: { Labels: { a: '\x9b2J\u202e\x1b[2J' } } }));
    const shown = execFileSync(sealos, ['inspect', NAME], { env: { ...process.env, SEALOS_STORAGE: store.path }, encoding: 'utf8' });
    assert.match(shown, /^[ -~\n]*$/);
    assert.equal(JSON.parse(shown).OCIv1.config.Labels.a, '\x9b2J\u202e\x1b[2J');
  }));

test('an archive of more names than memory should hold is given up at the bound', () =>
  withSandbox(async (sandbox) => {
    const archive = join(sandbox.input, 'archive.tar.zst');
    const entry = Buffer.concat([pax({ path: `${'n/'.repeat(2000)}n` }), file('x', '')]);
    const chunks = function* (): Generator<Buffer> {
      for (let count = 0; count < 34_000; count++) yield entry;
    };
    await pipeline(chunks, createZstdCompress(), createWriteStream(archive));
    const { status, stderr, peak } = await call(sandbox, ['load', '-q', '-i', archive]);
    assert.equal(status, 2);
    assertOneLine(stderr);
    assert.match(stderr, /more than 128 MiB of names/);
    assert.ok(peak < 400, `${Math.round(peak)} MiB`);
  }));
