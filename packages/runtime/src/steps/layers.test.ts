import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { hostLayout } from '../layout.ts';
import type { PlannedImage, PlannedLayer } from '../plan/plan-input.ts';
import { missingLayers, placements } from './layers.ts';

const layout = hostLayout('default', '/var/lib/sealos');
const master = { ip: '10.0.0.1', port: 22 };
const worker = { ip: '10.0.0.2', port: 22 };
const store = { ip: '10.0.0.3', port: 22 };

function layer(name: string, holds: PlannedLayer['holds']): PlannedLayer {
  return {
    digest: `sha256:${name.padEnd(64, '0')}`,
    size: 1,
    compression: 'none',
    holds,
    removes: [],
    whiteoutFiles: [],
    outline: { directories: [], links: new Map(), nodes: [], setIds: [] },
    open: async () => Readable.from([]),
  };
}

function image(kind: PlannedImage['kind'], ...layers: readonly PlannedLayer[]): PlannedImage {
  return { name: kind, digest: `sha256:${'0'.repeat(64)}`, kind, directory: kind, layers, variants: new Map() };
}

const architectures = new Map([
  [master.ip, 'amd64'],
  [worker.ip, 'arm64'],
]);

const shown = (ip: { ip: string; port: number }, images: readonly PlannedImage[], registryHost = master) =>
  placements({ layout, hosts: [master, worker, store], images, master0: master, registryHost, architectures }, ip).map(
    (placement) =>
      `${placement.layer.holds} ${placement.into.replace(layout.data, '')}${placement.withoutRegistry ? ' without registry' : ''}${placement.mergeRegistry ? ' merged' : ''}`,
  );

test('a worker gets the rootfs without the container images', () => {
  const rootfs = image('rootfs', layer('a', 'payload'), layer('b', 'registry'), layer('c', 'both'));
  assert.deepEqual(shown(worker, [rootfs]), ['payload /rootfs without registry', 'both /rootfs without registry']);
});

test('the registry host gets the rootfs whole', () => {
  const rootfs = image('rootfs', layer('a', 'payload'), layer('b', 'registry'), layer('c', 'both'));
  assert.deepEqual(shown(master, [rootfs]), ['payload /rootfs', 'registry /rootfs', 'both /rootfs']);
});

test('an application goes to master0 alone, its container images to the registry', () => {
  const application = image('application', layer('a', 'payload'), layer('b', 'registry'), layer('c', 'both'));
  assert.deepEqual(shown(worker, [application]), []);
  assert.deepEqual(shown(master, [application]), [
    'payload /applications/application/workdir without registry',
    'registry /rootfs',
    'both /applications/application/workdir merged',
  ]);
});

test('a registry host that is not master0 gets an application only for its container images', () => {
  const application = image('application', layer('a', 'payload'), layer('b', 'registry'), layer('c', 'both'));
  assert.deepEqual(shown(store, [application], store), ['registry /rootfs', 'both /.incoming merged']);
  assert.deepEqual(shown(master, [application], store), [
    'payload /applications/application/workdir without registry',
    'both /applications/application/workdir without registry',
  ]);
});

test('what the record names is not sent again; a new build of an application takes the place of the old one', () => {
  const input = { layout, hosts: [master], master0: master, registryHost: master, architectures };
  const rootfs = image('rootfs', layer('a', 'payload'));
  const before = placements({ ...input, images: [rootfs, image('application', layer('b', 'payload'), layer('c', 'payload'))] }, master);
  const record = before.map((placement) => `${placement.layer.digest} ${placement.into}`);
  assert.deepEqual(missingLayers(before, record), { placements: [], outdated: [] });
  const after = placements({ ...input, images: [rootfs, image('application', layer('b', 'payload'), layer('d', 'payload'))] }, master);
  const { placements: sent, outdated } = missingLayers(after, record);
  assert.deepEqual(
    sent.map((placement) => placement.layer.digest.slice(7, 8)),
    ['b', 'd'],
  );
  assert.deepEqual(outdated, [layout.workdir('application')]);
});

test("each host gets the layers of its own architecture, the registry's host the container images of all", () => {
  const rootfs = {
    ...image('rootfs', layer('a', 'payload'), layer('b', 'registry')),
    variants: new Map([['arm64', [layer('c', 'payload'), layer('d', 'registry'), layer('e', 'both')]]]),
  };
  const digests = (address: typeof master) =>
    placements({ layout, hosts: [master, worker], images: [rootfs], master0: master, registryHost: master, architectures }, address).map(
      ({ layer: { digest }, into }) => `${digest.slice(7, 8)} ${into.replace(layout.data, '')}`,
    );
  assert.deepEqual(digests(worker), ['c /rootfs', 'e /rootfs']);
  assert.deepEqual(
    digests(master),
    ['d /rootfs', 'e /.incoming', 'a /rootfs', 'b /rootfs'],
    'its own come last: their tags win where nothing joins them',
  );
});
