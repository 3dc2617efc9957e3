// Registries that are not quite as the specification says, and lines that spoil more than the blobs: Debian's docker-registry behind a
// proxy of our own that changes its answers.
import assert from 'node:assert/strict';
import { readdir, truncate } from 'node:fs/promises';
import { join } from 'node:path';
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
import { type Fault, type FaultProxy, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { file, makeImage } from '../support/images.ts';
import { noisyLayer, type Workplace, withWorkplace } from '../support/registry-content.ts';
import { startSimpleRegistry } from '../support/simple-registry.ts';

let registry: DockerRegistry;
before(async () => {
  registry = await startDockerRegistry();
});
after(() => registry.stop());

const SIZE = 200_000;
let made = 0;

/** An image with a layer of its own, in the registry and in `here`; its name there, without the registry. */
async function inRegistry(place: Workplace): Promise<{ readonly name: string; readonly big: Descriptor }> {
  const name = `odd/app-${++made}:1`;
  const reference = parseReference(`${registry.address}/${name}`);
  const manifest = await makeImage(place.here, {
    name: `${registry.address}/${name}`,
    layers: [noisyLayer(SIZE, name), [file('a', name)]],
  });
  await pushImage(place.here, reference, { registry: place.settings });
  const { layers } = JSON.parse((await readContent(place.here, reference, manifest)).toString());
  return { name, big: layers[0] };
}

const blobsOf = async (store: Store) => (await readdir(`${store.path}/blobs/sha256`)).sort();
const isBlob = (request: SeenRequest, big: Descriptor) => request.method === 'GET' && request.path.endsWith(`/blobs/${big.digest}`);

/** Pulls an image through a proxy with faults, and looks whether all of it came. */
async function pullsWhole(fault: (request: SeenRequest, big: Descriptor) => Fault | undefined, more: object = {}): Promise<FaultProxy> {
  return withWorkplace(async (place) => {
    const { name, big } = await inRegistry(place);
    await using proxy = await startFaultProxy(registry.address, (request) => fault(request, big));
    await pullImage(place.there, parseReference(`${proxy.address}/${name}`), { registry: { ...place.settings, ...more } });
    assert.deepEqual(await blobsOf(place.there), await blobsOf(place.here));
    return proxy;
  });
}

/** Pushes an image through a proxy with faults, and looks whether the registry has all of it. */
async function pushesWhole(fault: (request: SeenRequest) => Fault | undefined, more: object = {}): Promise<FaultProxy> {
  return withWorkplace(async (place) => {
    await using proxy = await startFaultProxy(registry.address, fault);
    const name = `odd/pushed-${++made}:1`;
    const image = await makeImage(place.here, { name: `${proxy.address}/${name}`, layers: [noisyLayer(SIZE, name)] });
    await pushImage(place.here, parseReference(`${proxy.address}/${name}`), { registry: { ...place.settings, ...more } });
    const pulled = await pullImage(place.there, parseReference(`${registry.address}/${name}`), { registry: place.settings });
    assert.equal(pulled.digest, image.digest);
    assert.deepEqual(await blobsOf(place.there), await blobsOf(place.here));
    return proxy;
  });
}

/** The n-th of the requests that are meant gets the fault, or each up to the n-th with `all`. */
function nth(n: number, isMeant: (request: SeenRequest) => boolean, fault: Fault, all = false) {
  let count = 0;
  return (request: SeenRequest) => (isMeant(request) && (++count === n || (all && count < n)) ? fault : undefined);
}

const isManifest = ({ method, path }: SeenRequest) => method === 'GET' && path.includes('/manifests/sha256:');
const isPut = ({ method, path }: SeenRequest) => method === 'PUT' && path.includes('/blobs/uploads/');
const isPatch = ({ method }: SeenRequest) => method === 'PATCH';
const isBegin = ({ method, path }: SeenRequest) => method === 'POST' && path.includes('/blobs/uploads/');
const isBig = ({ headers }: SeenRequest) => Number(headers['content-length'] ?? 0) >= SIZE;
const isBigPut = (request: SeenRequest) => isPut(request) && isBig(request);

for (const fault of [
  { kind: 'cut', after: 10 },
  { kind: 'stall', after: 10 },
  { kind: 'truncate', after: 10 },
  { kind: 'flip', at: 10 },
  { kind: 'reset' },
] as const satisfies readonly Fault[]) {
  test(`a manifest whose answer meets '${fault.kind}' is asked for again`, async () => {
    await pullsWhole(nth(1, isManifest, fault), { timeouts: { stall: 200 } });
  });
}

test('a manifest that comes without its digest is recognized by itself', async () => {
  const isTag = ({ path }: SeenRequest) => path.includes('/manifests/1');
  await pullsWhole((request) => (isTag(request) ? { kind: 'edit', headers: { 'docker-content-digest': null } } : undefined));
  const bare = { 'docker-content-digest': null, 'content-type': 'application/octet-stream' };
  await pullsWhole((request) => (isTag(request) ? { kind: 'edit', headers: bare } : undefined));
});

for (const by of [7, -7, SIZE]) {
  test(`a server that sends another range (by ${by} bytes) than was asked for does no harm`, async () => {
    let count = 0;
    await pullsWhole((request, big) => {
      if (!isBlob(request, big)) return undefined;
      return ++count === 1 ? { kind: 'cut', after: 100_000 } : { kind: 'wrong-range', by };
    });
  });
}

test('a blob that came spoilt once is fetched once more', async () => {
  let count = 0;
  await pullsWhole((request, big) => (isBlob(request, big) && ++count === 1 ? { kind: 'flip', at: 100_000 } : undefined));
});

test('a blob that the registry has lost the end of is named as damaged', async () => {
  await withWorkplace(async (place) => {
    const { name, big } = await inRegistry(place);
    const hex = big.digest.slice('sha256:'.length);
    await truncate(join(registry.directory, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data'), 1000);
    await assert.rejects(pullImage(place.there, parseReference(`${registry.address}/${name}`), { registry: place.settings }), {
      code: 'content-mismatch',
      message: /sends 1000 bytes of sha256:[0-9a-f]{12}, which has \d+$/,
    });
    assert.deepEqual(await place.there.list(), []);
  });
});

test('a token that the registry does not take any more in the middle of a transfer is replaced', async () => {
  const expired = { kind: 'answer', status: 401, headers: { 'www-authenticate': 'Basic realm="x"' } } as const;
  const credentials = async () => ({ credentials: { kind: 'password', user: 'u', password: 'p' } as const });
  let count = 0;
  await pullsWhole(
    (request, big) => {
      if (!isBlob(request, big)) return undefined;
      count += 1;
      return count === 1 ? { kind: 'cut', after: 100_000 } : count === 2 ? expired : undefined;
    },
    { credentials },
  );
  assert.ok(count >= 3);
  await pushesWhole(nth(1, isBigPut, expired), { credentials });
});

test('a registry that takes no whole blobs gets pieces, one that takes no pieces gets whole blobs', async () => {
  for (const status of [400, 405, 415, 501]) {
    const proxy = await pushesWhole((request) => (isBigPut(request) ? { kind: 'answer', status } : undefined));
    assert.ok(proxy.seen.some(isPatch));
  }
  for (const status of [404, 405, 501]) {
    let puts = 0;
    const proxy = await pushesWhole((request) => {
      if (isPatch(request)) return { kind: 'answer', status };
      return isBigPut(request) && ++puts === 1 ? { kind: 'cut-request', after: 50_000 } : undefined;
    });
    assert.equal(proxy.seen.filter(isBigPut).length, 2);
  }
});

test('a registry that takes neither is left alone', async () => {
  const neither = (request: SeenRequest): Fault | undefined =>
    isPatch(request) || isBigPut(request) ? { kind: 'answer', status: 405 } : undefined;
  await assert.rejects(pushesWhole(neither), { code: 'registry-denied' });
});

test('an upload whose answers do not say where it goes on goes on where it was', async () => {
  await withWorkplace(async ({ here, settings }) => {
    await using simple = await startSimpleRegistry();
    const name = `${simple.address}/odd/no-location:1`;
    const image = await makeImage(here, { name, layers: [noisyLayer(SIZE, name)] });
    await pushImage(here, parseReference(name), { registry: settings });
    const { config, layers } = JSON.parse((await readContent(here, parseReference(name), image)).toString());
    for (const { digest } of [config, ...layers]) assert.ok(simple.blobs.has(digest), digest);
  });
  const lost = { kind: 'edit', headers: { location: null } } as const;
  // By the upload's name, where there is no location at all. This registry wants more than that to go on.
  let named: string | undefined;
  await assert.rejects(
    pushesWhole((request) => {
      if (isPut(request)) named ??= request.path;
      return isBegin(request) ? lost : undefined;
    }),
    { code: 'registry-failed' },
  );
  assert.match(named ?? '', /^\/v2\/odd\/pushed-\d+\/blobs\/uploads\/[0-9a-f-]{36}\?digest=sha256/);
  await assert.rejects(
    pushesWhole((request) => (isBegin(request) ? { kind: 'edit', headers: { location: null, 'docker-upload-uuid': null } } : undefined)),
    { code: 'registry-failed', message: /began an upload but did not say where$/ },
  );
});

test('a location without a host is of the same host', async () => {
  await withWorkplace(async ({ here, settings }) => {
    // What is asked for by the proxy's address and answered with a path alone.
    await using proxy = await startFaultProxy(registry.address, (request) =>
      isBegin(request) ? { kind: 'answer', status: 202, headers: { location: `${request.path}an-upload?_state=x` } } : undefined,
    );
    await makeImage(here, { name: `${proxy.address}/odd/relative:1`, layers: [[file('a', 'a')]] });
    await assert.rejects(pushImage(here, parseReference(`${proxy.address}/odd/relative:1`), { registry: settings }));
    assert.ok(proxy.seen.some(({ method, path }) => method === 'PUT' && /an-upload\?_state=x&digest=sha256/.test(path)));
  });
});

test('an upload goes on at the byte that the registry names', async () => {
  const pieces = nth(1, isBigPut, { kind: 'answer', status: 413 });
  const cut = nth(1, isPatch, { kind: 'cut-request', after: 100_000 });
  const proxy = await pushesWhole((request) => pieces(request) ?? cut(request));
  const ranges = proxy.seen.filter(isPatch).map(({ headers }) => Number(/^(\d+)-/.exec(String(headers['content-range']))?.[1]));
  assert.equal(ranges[0], 0);
  const status = proxy.seen.find(({ method, path }) => method === 'GET' && path.includes('/blobs/uploads/'));
  assert.ok(status !== undefined, 'the registry is asked how far it got');

  // And where it says after a piece that it took less: here it says so wrongly, refuses (416) and is asked again.
  const less = nth(1, isPatch, { kind: 'edit', headers: { range: '0-999' } });
  const again = nth(1, isBigPut, { kind: 'answer', status: 413 });
  const second = await pushesWhole((request) => again(request) ?? less(request));
  assert.ok(second.seen.filter(isPatch).some(({ headers }) => String(headers['content-range']).startsWith('1000-')));
});

test('a blob whose last answer was lost is not sent again', async () => {
  const proxy = await pushesWhole(nth(1, isBigPut, { kind: 'lose-answer' }));
  assert.equal(proxy.seen.filter(isBig).length, 1);
});

test('a blob that arrived spoilt is sent once more, and no oftener', async () => {
  await pushesWhole(nth(1, isBigPut, { kind: 'flip-request', at: 5000 }));
  await assert.rejects(
    pushesWhole((request) => (isBig(request) ? { kind: 'flip-request', at: 5000 } : undefined)),
    { code: 'content-mismatch', message: /what arrived is not what its digest says/ },
  );
});

test('a blob that is damaged here never gets its name there', async () => {
  await withWorkplace(async ({ here, settings }) => {
    const name = `${registry.address}/odd/damaged-here:1`;
    const image = await makeImage(here, { name, layers: [noisyLayer(SIZE, 'damaged here')] });
    const { layers } = JSON.parse((await readContent(here, parseReference(name), image)).toString());
    await truncate(here.blobPath(layers[0].digest), 1000);
    await assert.rejects(pushImage(here, parseReference(name), { registry: settings }), { code: 'content-mismatch' });
    await using client = openRegistry(settings);
    await assert.rejects(client.resolve(parseReference(name)), { code: 'image-not-found' });
  });
});

test('where a blob may not be taken over from another repository it is uploaded', async () => {
  await withWorkplace(async ({ here, settings }) => {
    await using proxy = await startFaultProxy(registry.address, ({ path }) =>
      path.includes('?mount=') ? { kind: 'answer', status: 403 } : undefined,
    );
    await makeImage(here, { name: `${proxy.address}/odd/mount-from:1`, layers: [noisyLayer(1000, 'no mount')] });
    await pushImage(here, parseReference(`${proxy.address}/odd/mount-from:1`), { registry: settings });
    const to = parseReference(`${proxy.address}/odd/mount-to:1`);
    await pushImage(here, parseReference(`${proxy.address}/odd/mount-from:1`), { to, registry: settings });
    assert.ok(proxy.seen.some(({ path }) => path.includes('/odd/mount-to/blobs/uploads/?mount=')));
  });
});

test('a push into what has to be made first says so', async () => {
  await withWorkplace(async ({ here, settings }) => {
    const body = '{"errors":[{"code":"NOT_FOUND","message":"project odd not found"}]}';
    await using proxy = await startFaultProxy(registry.address, (request) =>
      isBegin(request) ? { kind: 'answer', status: 404, body } : undefined,
    );
    await makeImage(here, { name: `${proxy.address}/odd/no-project:1`, layers: [[file('a', 'a')]] });
    await assert.rejects(pushImage(here, parseReference(`${proxy.address}/odd/no-project:1`), { registry: settings }), {
      exitCode: 2,
      message: /has no repository odd\/no-project \("project odd not found"\)$/,
      hint: /has to be made before/,
    });
  });
});

test('"Retry-After" as a date is honoured, and zero is no leave to ask at once for ever', async () => {
  const retries: RetryEvent[] = [];
  const onRetry = (event: RetryEvent) => retries.push(event);
  const date = () => new Date(Date.now() + 1500).toUTCString();
  let count = 0;
  await pullsWhole(
    (request) => (isManifest(request) && ++count === 1 ? { kind: 'answer', status: 429, headers: { 'retry-after': date() } } : undefined),
    { onRetry },
  );
  const [{ delay } = { delay: 0 }] = retries;
  assert.ok(delay > 0 && delay <= 1500, `${delay}`);
});

test('a list of tags that never ends, or holds what can be no tag, is refused', async () => {
  await withWorkplace(async ({ settings }) => {
    let page = 0;
    const bodies: Record<string, () => Fault> = {
      circle: () => ({
        kind: 'answer',
        status: 200,
        headers: { link: '</v2/circle/tags/list?n=1000>; rel="next"' },
        body: '{"tags":["1"]}',
      }),
      endless: () => ({
        kind: 'answer',
        status: 200,
        headers: { link: `</v2/endless/tags/list?last=${++page}>; rel="next"` },
        body: '{"tags":[]}',
      }),
      path: () => ({ kind: 'answer', status: 200, body: '{"tags":["../../other/manifests/1"]}' }),
      number: () => ({ kind: 'answer', status: 200, body: '{"tags":[5]}' }),
    };
    await using proxy = await startFaultProxy(registry.address, ({ path }) => bodies[path.split('/')[2] ?? '']?.());
    await using client = openRegistry(settings);
    for (const name of Object.keys(bodies)) {
      await assert.rejects(client.listTags(parseReference(`${proxy.address}/${name}`)), { code: 'bad-content', exitCode: 2 }, name);
    }
  });
});

test('who shares a connection with one that is interrupted is not interrupted', async () => {
  await withWorkplace(async (place) => {
    const { name } = await inRegistry(place);
    let greetings = 0;
    let hanging = () => {};
    const greeted = new Promise<void>((resolve) => {
      hanging = resolve;
    });
    await using proxy = await startFaultProxy(registry.address, ({ path }) => {
      if (path !== '/v2/' || ++greetings > 1) return undefined;
      hanging();
      return { kind: 'hang' };
    });
    await using client = openRegistry({ ...place.settings, plainHttp: true });
    const stop = new AbortController();
    const reference = parseReference(`${proxy.address}/${name}`);
    const first = client.resolve(reference, { signal: stop.signal });
    const second = client.resolve(reference);
    await greeted;
    stop.abort();
    await assert.rejects(first, { name: 'AbortError' });
    assert.match((await second).digest, /^sha256:/);
  });
});

test('mirrors that failed before the registry are named with it', async () => {
  await withWorkplace(async ({ there, settings }) => {
    const rule = { prefix: '', insecure: false, blocked: false, 'mirror-by-digest-only': false } as const;
    const mirror = { location: registry.address, insecure: false, 'pull-from-mirror': 'all' } as const;
    const registriesConf = [{ ...rule, location: '127.0.0.1:1', mirror: [mirror] }];
    await assert.rejects(pullImage(there, parseReference('127.0.0.1:1/no/such:1'), { registry: { ...settings, registriesConf } }), {
      message:
        /^cannot pull 127\.0\.0\.1:1\/no\/such:1: 127\.0\.0\.1:1 refuses .* \(before it, of its mirrors: 127\.0\.0\.1:\d+ has no .*\)$/,
    });
  });
});

test('a manifest is removed by its digest, and where that is switched off one line says so', async () => {
  await withWorkplace(async (place) => {
    const { name } = await inRegistry(place);
    await using client = openRegistry(place.settings);
    const reference = parseReference(`${registry.address}/${name}`);
    const { digest } = await client.resolve(reference);
    const { registry: host, repository } = reference;
    const exact = { registry: host, repository, digest };
    await client.remove(exact);
    await assert.rejects(client.resolve(reference), { code: 'image-not-found' });
    await assert.rejects(client.remove(exact), { code: 'image-not-found', exitCode: 2 });

    await using fixed = await startDockerRegistry({ deletion: false });
    const to = parseReference(`${fixed.address}/${name}`);
    await pushImage(place.here, reference, { to, registry: place.settings });
    await assert.rejects(client.remove({ registry: fixed.address, repository, digest }), {
      code: 'registry-denied',
      exitCode: 2,
      message: /^cannot remove .*: 127\.0\.0\.1:\d+ does not allow to remove images$/,
    });
    assert.equal((await client.resolve(to)).digest, digest);
  });
});
