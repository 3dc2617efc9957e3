// Transfers over a bad line: a proxy of our own before Debian's docker-registry cuts, stalls, spoils and refuses.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import {
  type Descriptor,
  openRegistry,
  parseReference,
  pullImage,
  pushImage,
  type RetryEvent,
  readContent,
  type Store,
} from '../../packages/image/src/index.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { type Fault, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { makeImage } from '../support/images.ts';
import { noise, noisyLayer, type Workplace, withWorkplace } from '../support/registry-content.ts';

let registry: DockerRegistry;
before(async () => {
  registry = await startDockerRegistry();
});
after(() => registry.stop());

const LAYER = 3_000_000;

/** An image with one big layer in the real registry, pulled through a proxy that spoils what `fault` says. */
async function pullThrough(
  place: Workplace,
  fault: (request: SeenRequest, nthBlobRequest: number) => Fault | undefined,
  more: object = {},
): Promise<{ readonly seen: readonly SeenRequest[]; readonly made: Descriptor; readonly big: Descriptor }> {
  const name = 'team/bad-line:1';
  const made = await makeImage(place.here, { name: `${registry.address}/${name}`, layers: [noisyLayer(LAYER, 'bad line')] });
  await pushImage(place.here, parseReference(`${registry.address}/${name}`), { registry: place.settings });
  const { layers } = JSON.parse((await readContent(place.here, parseReference('localhost/any'), made)).toString());
  const [big] = layers;
  let count = 0;
  await using proxy = await startFaultProxy(registry.address, (request) =>
    request.method === 'GET' && request.path.endsWith(big.digest) ? fault(request, ++count) : undefined,
  );
  await pullImage(place.there, parseReference(`${proxy.address}/${name}`), { registry: { ...place.settings, ...more } });
  const seen = proxy.seen.filter(({ method, path }) => method === 'GET' && path.endsWith(big.digest));
  return { seen, made, big };
}

const blobsOf = async (store: Store) => (await readdir(`${store.path}/blobs/sha256`)).sort();

test('a pull cut at any byte goes on from there and is whole', async () => {
  for (const after of [0, 1, 65_536, LAYER - 1, Math.floor(noise(4, 'seed').readUInt32LE() % LAYER)]) {
    await withWorkplace(async (place) => {
      const { seen } = await pullThrough(place, (_, count) => (count === 1 ? { kind: 'cut', after } : undefined));
      assert.equal(seen.length, 2, `cut after ${after}`);
      assert.equal(seen[0]?.headers['range'], undefined);
      // What arrived is not asked for again, up to what was on its way when the line broke.
      const range = Number(/^bytes=(\d+)-$/.exec(String(seen[1]?.headers['range'] ?? 'bytes=0-'))?.[1]);
      assert.ok(range <= after, `cut after ${after}, goes on at ${range}`);
      assert.deepEqual(await blobsOf(place.there), await blobsOf(place.here));
    });
  }
});

test('a pull that is cut again and again gets there as long as it gets on', async () => {
  await withWorkplace(async (place) => {
    const { seen } = await pullThrough(place, (_, count) => (count <= 20 ? { kind: 'cut', after: 100_000 } : undefined));
    assert.ok(seen.length > 20);
    assert.deepEqual(await blobsOf(place.there), await blobsOf(place.here));
  });
});

test('a server that lets a few bytes through each time is given up', async () => {
  await withWorkplace(async (place) => {
    let count = 0;
    const fault = (_: SeenRequest, nth: number): Fault => {
      count = nth;
      return { kind: 'truncate', after: 9 };
    };
    await assert.rejects(pullThrough(place, fault), { code: 'content-mismatch', message: /sends 36 bytes of .*, which has \d+$/ });
    assert.equal(count, 8, 'twice four tries');
    assert.deepEqual(await place.there.list(), []);
  });
});

test('a server that does not know ranges sends all again, and what was there already is left out', async () => {
  await withWorkplace(async (place) => {
    await pullThrough(place, (_, count) => (count === 1 ? { kind: 'cut', after: 1_500_000 } : { kind: 'no-range' }));
    assert.deepEqual(await blobsOf(place.there), await blobsOf(place.here));
  });
});

test('a line that stalls is given up and asked again', async () => {
  await withWorkplace(async (place) => {
    const retries: RetryEvent[] = [];
    const more = { timeouts: { stall: 300 }, onRetry: (event: RetryEvent) => retries.push(event) };
    await pullThrough(place, (_, count) => (count === 1 ? { kind: 'stall', after: 1_000_000 } : undefined), more);
    assert.deepEqual(await blobsOf(place.there), await blobsOf(place.here));
    assert.match(retries[0]?.why ?? '', /UND_ERR_BODY_TIMEOUT/);
  });
});

test('one changed byte is noticed, named, and never stored', async () => {
  await withWorkplace(async (place) => {
    await assert.rejects(
      pullThrough(place, () => ({ kind: 'flip', at: 2_000_000 })),
      { code: 'content-mismatch', exitCode: 1 },
    );
    const blobs = await blobsOf(place.there);
    assert.ok(blobs.length < (await blobsOf(place.here)).length);
    assert.deepEqual(await place.there.list(), []);
  });
});

test('a registry that never stops failing ends in one line that names it', async () => {
  await withWorkplace(async (place) => {
    await assert.rejects(
      pullThrough(place, () => ({ kind: 'answer', status: 503 })),
      { code: 'registry-failed', message: /^cannot pull 127\.0\.0\.1:\d+\/team\/bad-line:1: .* failed with status 503$/ },
    );
  });
});

test('a busy registry is given the time that it asks for', async () => {
  await withWorkplace(async (place) => {
    const retries: RetryEvent[] = [];
    const busy = { kind: 'answer', status: 429, headers: { 'retry-after': '1' } } as const;
    const { seen } = await pullThrough(place, (_, count) => (count === 1 ? busy : undefined), {
      onRetry: (event: RetryEvent) => retries.push(event),
    });
    assert.equal(seen.length, 2);
    assert.equal(retries[0]?.delay, 1000);
  });
});

test('a registry that asks for more patience than there is has failed', async () => {
  await withWorkplace(async (place) => {
    const busy = { kind: 'answer', status: 429, headers: { 'retry-after': '3600' } } as const;
    await assert.rejects(
      pullThrough(place, () => busy),
      { code: 'registry-busy' },
    );
  });
});

test('credentials do not follow a redirection to another origin', async () => {
  await using other = await startFaultProxy('127.0.0.1:1', () => ({ kind: 'answer', status: 404 }));
  const asked = { kind: 'answer', status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } as const;
  await using proxy = await startFaultProxy('127.0.0.1:1', (request) => {
    if (request.headers['authorization'] === undefined) return asked;
    if (request.path === '/v2/') return { kind: 'answer', status: 200 };
    return { kind: 'answer', status: 307, headers: { location: `http://${other.address}${request.path}` } };
  });
  await withWorkplace(async ({ settings }) => {
    const credentials = async () => ({ credentials: { kind: 'password', user: 'u', password: 'secret' } as const });
    await using client = openRegistry({ ...settings, credentials });
    await assert.rejects(client.resolve(parseReference(`${proxy.address}/team/app:1`)), { code: 'image-not-found' });
  });
  assert.ok(proxy.seen.some(({ headers }) => headers['authorization'] !== undefined));
  assert.ok(other.seen.length > 0);
  assert.ok(other.seen.every(({ headers }) => headers['authorization'] === undefined));
});

test('a push that is cut goes on in pieces, and the registry has the whole', async () => {
  await withWorkplace(async ({ here, there, settings }) => {
    const uploads = (seen: readonly SeenRequest[], method: string) =>
      seen.filter((request) => request.method === method && request.path.includes('/blobs/uploads/'));
    let puts = 0;
    let patches = 0;
    await using proxy = await startFaultProxy(registry.address, ({ method, path, headers }) => {
      if (!path.includes('/blobs/uploads/') || Number(headers['content-length'] ?? 0) < 1_000_000) return undefined;
      if (method === 'PUT' && ++puts === 1) return { kind: 'cut-request', after: 20_000_000 };
      return method === 'PATCH' && ++patches === 2 ? { kind: 'cut-request', after: 1_000_000 } : undefined;
    });
    const name = `${proxy.address}/team/cut-push:1`;
    const made = await makeImage(here, { name, layers: [noisyLayer(70_000_000, 'cut push')] });
    await pushImage(here, parseReference(name), { registry: settings });
    assert.ok(uploads(proxy.seen, 'PATCH').length >= 3);
    const pulled = await pullImage(there, parseReference(`${registry.address}/team/cut-push:1`), { registry: settings });
    assert.equal(pulled.digest, made.digest);
    assert.deepEqual(await blobsOf(there), await blobsOf(here));
  });
});

test('a push that a proxy finds too big goes in pieces', async () => {
  await withWorkplace(async ({ here, settings }) => {
    await using proxy = await startFaultProxy(registry.address, ({ method, path, headers }) =>
      method === 'PUT' && path.includes('/blobs/uploads/') && Number(headers['content-length'] ?? 0) > 1_000_000
        ? { kind: 'answer', status: 413 }
        : undefined,
    );
    const name = `${proxy.address}/team/too-big:1`;
    const made = await makeImage(here, { name, layers: [noisyLayer(2_000_000, 'too big')] });
    assert.equal((await pushImage(here, parseReference(name), { registry: settings })).digest, made.digest);
  });
});

test('a transfer that is interrupted ends at once and leaves nothing half', async () => {
  await withWorkplace(async (place) => {
    const stop = new AbortController();
    const name = `${registry.address}/team/interrupted:1`;
    await makeImage(place.here, { name, layers: [noisyLayer(LAYER, 'interrupted')] });
    await pushImage(place.here, parseReference(name), { registry: place.settings });
    await using proxy = await startFaultProxy(registry.address, ({ method, path }) =>
      method === 'GET' && path.includes('/blobs/') ? { kind: 'stall', after: 1 } : undefined,
    );
    const pulling = pullImage(place.there, parseReference(`${proxy.address}/team/interrupted:1`), {
      registry: place.settings,
      signal: stop.signal,
      onEvent: ({ kind }) => kind === 'progress' && stop.abort(),
    });
    await assert.rejects(pulling, { name: 'AbortError' });
    assert.deepEqual(await place.there.list(), []);
  });
});
