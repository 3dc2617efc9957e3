import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { file, makeImage, withDirectory } from '../../../test/support/images.ts';
import { digestOf, hexOf } from './digest.ts';
import { openImage } from './image.ts';
import { withLock } from './lock.ts';
import type { Descriptor } from './manifest.ts';
import { parseReference } from './reference.ts';
import { defaultStorePath, openStore } from './store.ts';

const REF = parseReference('localhost/test:1');
const described = (content: string): Descriptor => ({ mediaType: 'm', digest: digestOf(content), size: content.length });
const stream = (...chunks: string[]) => Readable.from(chunks.map((chunk) => Buffer.from(chunk)));

/** Everything in a store but its marker files. */
async function filesIn(store: string): Promise<readonly string[]> {
  const entries = await readdir(store, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile() && !['oci-layout', 'index.json'].includes(entry.name)).map((entry) => entry.name);
}

/** A program that works on a store in another process. It prints a line when it is where the test wants it. */
function otherProcess(code: string) {
  const imports = ['store', 'reference', 'digest'].map(
    (name) => `import * as ${name} from ${JSON.stringify(join(import.meta.dirname, `${name}.ts`))};`,
  );
  const child = spawn(process.execPath, ['--input-type=module', '-e', `${imports.join('\n')}\n${code}`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const line = (async () => {
    for await (const chunk of child.stdout) return String(chunk).trim();
    throw new Error('the other process said nothing');
  })();
  return { child, line };
}

test('the store is where the environment says', () => {
  assert.equal(defaultStorePath({ SEALOS_STORAGE: '/a', XDG_DATA_HOME: '/b' }), '/a');
  assert.equal(defaultStorePath({ XDG_DATA_HOME: '/b' }), '/b/sealos/storage');
  assert.match(defaultStorePath({}), /\/\.local\/share\/sealos\/storage$/);
});

test('a directory that holds something else is not made a store', () =>
  withDirectory(async (path) => {
    await writeFile(join(path, 'letter.txt'), '');
    await assert.rejects(openStore(path), { code: 'bad-store', exitCode: 2, message: /letter\.txt/ });
    assert.deepEqual(await readdir(path), ['letter.txt']);
  }));

test('what is written can be read, from any offset', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const descriptor = described('hello world');
    await store.write(REF, descriptor, stream('hello ', 'world'));
    assert.equal(await store.has(REF, descriptor), true);
    assert.equal(await text(await store.fetch(REF, descriptor)), 'hello world');
    assert.equal(await text(await store.fetch(REF, descriptor, { offset: 6 })), 'world');
    await assert.rejects(store.fetch(REF, described('other')), { code: 'content-not-found' });
  }));

test('wrong, short, long and failing content leaves nothing behind', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const descriptor = described('hello');
    for (const body of [stream('jello'), stream('hell'), stream('hello', '!')]) {
      await assert.rejects(store.write(REF, descriptor, body), { code: 'content-mismatch' });
      assert.ok(body.destroyed);
    }
    const failing = Readable.from(
      (async function* () {
        yield Buffer.from('he');
        throw new Error('connection lost');
      })(),
    );
    await assert.rejects(store.write(REF, descriptor, failing), { message: 'connection lost' });
    await store.close();
    assert.deepEqual(await filesIn(path), []);
  }));

test('an aborted write ends at once, also when its source stands still, and leaves nothing behind', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const abort = new AbortController();
    const stuck = new Readable({ read() {} });
    stuck.push('he');
    const writing = store.write(REF, described('hello'), stuck, { signal: abort.signal });
    setImmediate(() => abort.abort());
    await assert.rejects(writing, { name: 'AbortError' });
    await store.close();
    assert.deepEqual(await filesIn(path), []);
  }));

test('a write that fails half-way goes on from where it was, again and again, and verifies the whole', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const content = 'a content that comes in many pieces';
    const offsets: number[] = [];
    const from = (offset: number) =>
      Readable.from(
        (async function* () {
          yield Buffer.from(content.slice(offset, offset + 7));
          if (offset + 7 < content.length) throw new Error('connection lost');
        })(),
      );
    await store.write(REF, described(content), from(0), {
      resume: async (offset) => {
        offsets.push(offset);
        return from(offset);
      },
    });
    assert.deepEqual(offsets, [7, 14, 21, 28]);
    const endless = () =>
      new Readable({
        read(): void {
          this.destroy(new Error('refused'));
        },
      });
    await assert.rejects(store.write(REF, described('x'), endless(), { resume: async () => endless() }), { message: 'refused' });
  }));

test('names are full, move, and can be removed; the blobs go with the next collection', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const one = await makeImage(store, { name: 'nginx', layers: [[file('a')]] });
    const two = await makeImage(store, { name: 'x.y:1/z:2', layers: [[file('b')]] });
    const index = JSON.parse(await readFile(join(path, 'index.json'), 'utf8'));
    assert.deepEqual(
      index.manifests.map((entry: { annotations: unknown }) => entry.annotations),
      [{ 'org.opencontainers.image.ref.name': 'docker.io/library/nginx:latest' }, { 'org.opencontainers.image.ref.name': 'x.y:1/z:2' }],
    );
    assert.equal((await store.resolve(parseReference('nginx'))).digest, one.digest);
    assert.equal((await store.resolve(parseReference(`nginx@${one.digest}`))).digest, one.digest);
    await assert.rejects(store.resolve(parseReference(`nginx@${two.digest}`)), { code: 'image-not-found', exitCode: 2 });
    await store.tag(parseReference('nginx'), two);
    assert.equal((await store.resolve(parseReference('nginx'))).digest, two.digest);
    await store.close();

    assert.equal((await store.collectGarbage()).removed, 3);
    assert.equal((await store.collectGarbage()).removed, 0);
    await store.remove(parseReference('nginx'));
    await assert.rejects(store.remove(parseReference('nginx')), { code: 'image-not-found', exitCode: 2 });
    assert.equal((await store.collectGarbage()).removed, 0);
    assert.equal((await openImage(store, parseReference('x.y:1/z:2'))).descriptor.digest, two.digest);
    await store.remove(parseReference('x.y:1/z:2'));
    assert.deepEqual(await store.collectGarbage().then(({ removed, busy }) => ({ removed, busy })), { removed: 3, busy: false });
    assert.deepEqual(await filesIn(path), []);
  }));

test('an image that lacks a layer gets no name', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const manifest = await makeImage(store, { layers: [[file('a')]] });
    const { layers } = await openImage(store, REF);
    await using other = await openStore(join(path, 'other'));
    await other.writeBytes(await readFile(store.blobPath(manifest.digest)), manifest.mediaType);
    await assert.rejects(other.tag(REF, manifest), { code: 'content-not-found' });
    assert.equal(layers.length, 1);
    assert.deepEqual(await other.list(), []);
  }));

test('names that other programs wrote are understood', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const { mediaType, digest, size } = await makeImage(store, { layers: [[]] });
    const named = (name?: string) => ({
      mediaType,
      digest,
      size,
      ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
    });
    await writeFile(join(path, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests: [named('nginx'), named(), named('No Name')] }));
    assert.deepEqual(
      (await store.list()).map(({ reference }) => reference.repository),
      ['library/nginx'],
    );
    await store.tag(parseReference('nginx:latest'), { mediaType, digest, size });
    assert.equal(JSON.parse(await readFile(join(path, 'index.json'), 'utf8')).manifests.length, 3);
  }));

test('processes that make the same new store at once all get it', () =>
  withDirectory(async (path) => {
    const root = join(path, 'new', 'store');
    const code = `await using s = await store.openStore(${JSON.stringify(root)}); await s.writeBytes(String(process.pid), 'm'); console.log('done');`;
    for (const { line } of [otherProcess(code), otherProcess(code), otherProcess(code)]) assert.equal(await line, 'done');
    assert.equal((await readdir(join(root, 'blobs', 'sha256'))).length, 3);
  }));

test('two processes tag thirty names at once, and every one is there', () =>
  withDirectory(async (path) => {
    await using store = await openStore(path);
    const manifest = await makeImage(store, { layers: [[file('a')]] });
    const tagging = (prefix: string) => `
      await using s = await store.openStore(${JSON.stringify(path)});
      for (let i = 0; i < 30; i++) await s.tag(reference.parseReference('${prefix}:' + i), ${JSON.stringify(manifest)});
      console.log('done');`;
    const processes = [otherProcess(tagging('a')), otherProcess(tagging('b'))];
    for (const { line } of processes) assert.equal(await line, 'done');
    assert.equal((await store.list()).length, 61);
  }));

test('a writer that is killed in the middle of a blob leaves a store that the next one finds clean', () =>
  withDirectory(async (path) => {
    const { child, line } = otherProcess(`
      const s = await store.openStore(${JSON.stringify(path)});
      const writer = await s.createBlob();
      for (let i = 0; i < 8; i++) await writer.write(Buffer.alloc(1 << 20));
      console.log('writing');
      setInterval(() => {}, 1000);`);
    assert.equal(await line, 'writing');
    await using store = await openStore(path);
    assert.equal((await store.collectGarbage()).busy, true);
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.ok((await filesIn(path)).some((name) => name.endsWith('.blob')));
    assert.equal((await store.collectGarbage()).busy, false);
    assert.deepEqual(await filesIn(path), []);
  }));

test('an archive that is being loaded when its process is killed leaves nothing either', () =>
  withDirectory(async (path) => {
    const { child, line } = otherProcess(`
      import { loadArchive } from ${JSON.stringify(join(import.meta.dirname, 'archive.ts'))};
      import { writeTar } from ${JSON.stringify(join(import.meta.dirname, 'tar-write.ts'))};
      import { Readable } from 'node:stream';
      const content = async function* () { for (;;) yield Buffer.alloc(1 << 20, Math.random().toString()); };
      const layer = { path: 'layer.tar', type: 'file', mode: 0, uid: 0, gid: 0, mtime: 0, size: 2 ** 33, content };
      const onEvent = (event) => { if (event.kind === 'progress' && event.bytes > 30 << 20) console.log('loading'); };
      await loadArchive(await store.openStore(${JSON.stringify(path)}), '-', { stdin: Readable.from(writeTar([layer])), onEvent });`);
    assert.match(await line, /^loading/);
    child.kill('SIGKILL');
    await once(child, 'close');
    assert.notDeepEqual(await filesIn(path), []);
    await using store = await openStore(path);
    await store.writeBytes('', 'm');
    await store.close();
    assert.deepEqual(await filesIn(path), [hexOf(digestOf(''))]);
  }));

test('a process that exits without closing its store takes its temporary files along', () =>
  withDirectory(async (path) => {
    const { child, line } = otherProcess(`
      const s = await store.openStore(${JSON.stringify(path)});
      await s.createBlob();
      console.log('writing');
      process.stdin.once('data', () => process.exit(130));`);
    assert.equal(await line, 'writing');
    child.stdin.write('go');
    await once(child, 'close');
    assert.deepEqual(await filesIn(path), []);
  }));

test('a collection removes nothing while another process writes: its blobs may get a name any moment', () =>
  withDirectory(async (path) => {
    await using writer = await openStore(path);
    await writer.write(REF, described('found'), stream('found'));
    await using other = await openStore(path);
    assert.deepEqual(await other.collectGarbage(), { removed: 0, bytes: 0, busy: true });
    assert.equal((await writer.collectGarbage()).removed, 0, 'its own writes are not garbage either');
    await writer.close();
    assert.deepEqual(await other.collectGarbage(), { removed: 1, bytes: 5, busy: false });
  }));

test("a dead process's lock is taken over, a living one's is waited for and named", () =>
  withDirectory(async (path) => {
    await mkdir(join(path, 'sealos'));
    const lock = join(path, 'sealos', 'lock');
    const { child, line } = otherProcess("console.log('up'); setInterval(() => {}, 1000);");
    assert.equal(await line, 'up');
    const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    await writeFile(lock, JSON.stringify({ pid: child.pid, host: hostname(), started }));
    await assert.rejects(
      withLock(lock, async () => 0, { patience: 50 }),
      { code: 'store-locked', message: new RegExp(`process ${child.pid} `) },
    );
    child.kill('SIGKILL');
    await once(child, 'close');
    const order: number[] = [];
    await Promise.all([1, 2, 3].map((each) => withLock(lock, async () => void order.push(each))));
    assert.deepEqual(order.sort(), [1, 2, 3]);
    await writeFile(lock, JSON.stringify({ pid: process.pid, host: hostname(), started: '1' }));
    assert.equal(await withLock(lock, async () => 'a later process of the same number'), 'a later process of the same number');
    assert.deepEqual(await readdir(join(path, 'sealos')), []);
  }));

test('only one at a time works under a lock', () =>
  withDirectory(async (path) => {
    let inside = 0;
    await Promise.all(
      Array.from({ length: 20 }, () =>
        withLock(join(path, 'lock'), async () => {
          assert.equal(++inside, 1);
          await new Promise(setImmediate);
          inside--;
        }),
      ),
    );
    assert.deepEqual(await readdir(path), []);
  }));

test('a full disk is named as such', { skip: process.getuid?.() !== 0 && 'needs root' }, async () => {
  const { execFileSync } = await import('node:child_process');
  await withDirectory(async (path) => {
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', path], { stdio: 'ignore' });
    } catch {
      return; // no right to mount here
    }
    try {
      await using store = await openStore(path);
      const body = Readable.from([Buffer.alloc(4 << 20)]);
      const descriptor: Descriptor = { mediaType: 'm', digest: digestOf(Buffer.alloc(4 << 20)), size: 4 << 20 };
      await assert.rejects(store.write(REF, descriptor, body), { code: 'disk-full', message: /the disk is full/ });
      await store.close();
      assert.equal((await readdir(join(path, 'blobs', 'sha256'))).includes(hexOf(descriptor.digest)), false);
      assert.deepEqual(await filesIn(path), []);
    } finally {
      execFileSync('umount', [path]);
    }
  });
});
