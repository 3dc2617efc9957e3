// Manifests, indexes and configs that no honest builder writes.
import { type Descriptor, OCI_INDEX, OCI_LAYER, OCI_MANIFEST } from '../../packages/image/src/index.ts';
import { honestConfig, type Parts } from './hostile-images.ts';
import { file, tar } from './hostile-tar.ts';

export interface HostileDocument {
  readonly name: string;
  readonly parts: Parts;
  /** Why it is refused; undefined: it is taken, and harmless. */
  readonly refused?: RegExp;
}

interface Honest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

const layer = tar(file('a', 'b'));
const manifest = (more: (honest: Honest) => object): Parts => ({
  layers: [layer],
  manifest: (honest) => ({ schemaVersion: 2, mediaType: OCI_MANIFEST, ...honest, ...more(honest) }),
});
/** The manifest's text with something put in by hand. */
const text = (change: (json: string) => string | Buffer): Parts => ({
  layers: [layer],
  manifest: (honest) => Buffer.from(change(JSON.stringify({ schemaVersion: 2, mediaType: OCI_MANIFEST, ...honest }))),
});
const config = (more: unknown): Parts => ({
  layers: [layer],
  config: Buffer.isBuffer(more) ? more : honestConfig([layer], more as object),
});
const other = (descriptor: Descriptor | undefined, more: object) => ({ ...descriptor, ...more });

export const documents: readonly HostileDocument[] = [
  {
    name: 'a manifest 100 levels deep',
    parts: manifest(() => ({ x: JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) })),
    refused: /nested more than 32 levels/,
  },
  { name: 'a manifest of a million brackets', parts: text(() => '['.repeat(1_000_000)), refused: /nested more than 32 levels/ },
  {
    name: 'a manifest bigger than 4 MiB',
    parts: manifest(() => ({ x: 'x'.repeat(5_000_000) })),
    refused: /at most 4194304|bigger than 4 MiB|small files/,
  },
  {
    name: 'a manifest that is not UTF-8',
    parts: text((json) => Buffer.concat([Buffer.from(json.slice(0, -1)), Buffer.from(',"x":"\xff"}', 'latin1')])),
    refused: /not UTF-8/,
  },
  { name: 'a manifest that is no JSON', parts: text(() => '{"schemaVersion":2'), refused: /not JSON/ },
  { name: 'a manifest that is a number', parts: text(() => '2'), refused: /not an object/ },
  { name: 'a manifest that is an index too', parts: manifest(() => ({ manifests: [] })), refused: /claims to be an index/ },
  {
    name: 'a manifest of another media type inside',
    parts: manifest(() => ({ mediaType: '\x1b[2Japplication/x' })),
    refused: /says it is '\?\[2Japplication\/x'/,
  },
  {
    name: 'a manifest with keys of prototypes',
    parts: text((json) => `${json.slice(0, -1)},"__proto__":{"layers":[]},"constructor":{"prototype":{"x":1}}}`),
  },
  {
    name: 'a manifest with its layers twice',
    parts: text((json) => `${json.slice(0, -1)},"layers":[]}`),
    refused: /its manifest has 0 layers, its config 1/,
  },
  {
    name: 'a manifest of 5000 layers',
    parts: manifest(({ layers }) => ({ layers: Array(5000).fill(layers[0]) })),
    refused: /more than 4096 layers/,
  },
  {
    name: 'a manifest of 100000 layers',
    parts: manifest(({ layers }) => ({ layers: Array(100_000).fill(layers[0]) })),
    refused: /at most 4194304|bigger than 4 MiB|small files/,
  },
  { name: 'a layer size of 1e999', parts: text((json) => json.replace(/"size":\d+\}\]/, '"size":1e999}]')), refused: /size/ },
  {
    name: 'a layer size that is negative',
    parts: manifest(({ layers }) => ({ layers: [other(layers[0], { size: -1 })] })),
    refused: /size/,
  },
  {
    name: 'a layer size beyond whole numbers',
    parts: text((json) => json.replace(/"size":\d+\}\]/, '"size":9007199254740993}]')),
    refused: /size/,
  },
  {
    name: 'a layer size that is too small',
    parts: manifest(({ layers }) => ({ layers: [other(layers[0], { size: 10 })] })),
    refused: /more than 10|another size/,
  },
  {
    name: 'a layer size that is too big',
    parts: manifest(({ layers }) => ({ layers: [other(layers[0], { size: 1_000_000 })] })),
    refused: /1000000|another size/,
  },
  {
    name: 'a layer size that no disk has',
    parts: manifest(({ layers }) => ({ layers: [other(layers[0], { size: 2 ** 52 })] })),
    refused: /disk is full|another size/,
  },
  {
    name: 'a layer with a sha512 digest',
    parts: manifest(({ layers }) => ({ layers: [other(layers[0], { digest: `sha512:${'0'.repeat(128)}` })] })),
    refused: /digest/,
  },
  {
    name: 'a layer whose digest is a path',
    parts: manifest(({ layers }) => ({ layers: [other(layers[0], { digest: 'sha256:../../../../etc/passwd' })] })),
    refused: /digest/,
  },
  {
    name: 'a layer that is not there',
    parts: manifest(({ layers }) => ({ layers: [other(layers[0], { digest: `sha256:${'0'.repeat(64)}` })] })),
    refused: /lacks|does not have/,
  },
  {
    name: 'a config that is one of its layers',
    parts: manifest(({ layers }) => ({ config: layers[0] })),
    refused: /is not an image but an artifact/,
  },
  {
    name: 'a manifest that is its own config',
    parts: manifest(({ config: honest }) => ({ config: other(honest, { digest: `sha256:${'1'.repeat(64)}` }) })),
    refused: /lacks|does not have/,
  },
  {
    name: 'a config 100 levels deep',
    parts: config({ x: JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`) }),
    refused: /nested more than 32 levels/,
  },
  {
    name: 'a config bigger than 4 MiB',
    parts: config({ x: 'x'.repeat(5_000_000) }),
    refused: /at most 4194304|bigger than 4 MiB|small files/,
  },
  { name: 'a config that is text', parts: config(Buffer.from('hello')), refused: /not JSON/ },
  { name: 'a config with fewer layers', parts: config({ rootfs: { type: 'layers', diff_ids: [] } }), refused: /1 layers/ },
  {
    name: 'a config whose diff ids are another image’s',
    parts: config({ rootfs: { type: 'layers', diff_ids: [`sha256:${'2'.repeat(64)}`] } }),
    refused: /not the one that its config names/,
  },
  { name: 'a config with labels of prototypes', parts: config({ config: { Labels: { constructor: 'x', a: '\x1b]0;owned\x07' } } }) },
  { name: 'a config with an environment that is no list', parts: config({ config: { Env: { PATH: '/bin' } } }), refused: /Env/ },
  {
    name: 'a layer of an unknown media type',
    parts: { layers: [layer], layerType: 'application/x-\u202eevil' },
    refused: /is not an image layer/,
  },
  {
    name: 'a layer said to be gzip that is not',
    parts: { layers: [layer], layerType: `${OCI_LAYER}+gzip` },
    refused: /damaged or cut off/,
  },
  {
    name: 'a layer said to be zstd that is not',
    parts: { layers: [layer], layerType: `${OCI_LAYER}+zstd` },
    refused: /damaged or cut off/,
  },
];

const named = (entry: object, name: unknown = 'localhost/hostile:1') => ({
  ...entry,
  annotations: { 'org.opencontainers.image.ref.name': name },
});

/** index.json files of a layout. */
export const indexes: readonly HostileDocument[] = [
  { name: 'an index that is no JSON', parts: { entries: () => Buffer.from('{') }, refused: /not JSON/ },
  {
    name: 'an index of 100000 entries',
    parts: { entries: (one) => Array(100_000).fill(named(one)) },
    refused: /small files|bigger than 4 MiB|at most/,
  },
  {
    name: 'an index of 5000 names',
    parts: { entries: (one) => Array.from({ length: 5000 }, (_, at) => named(one, `a:${at}`)) },
    refused: /at most 1000/,
  },
  {
    name: 'an entry whose digest is a path',
    parts: { entries: (one) => [named({ ...one, digest: 'sha256:../../x' })] },
    refused: /digest/,
  },
  { name: 'an entry that lies about its size', parts: { entries: (one) => [named({ ...one, size: 5 })] }, refused: /another size/ },
  {
    name: 'an entry of another media type',
    parts: { entries: (one) => [named({ ...one, mediaType: 'text/\x1b[31mplain' })] },
    refused: /'text\/\?\[31mplain', which is no image/,
  },
  {
    name: 'an entry that is a manifest said to be an index',
    parts: { entries: (one) => [named({ ...one, mediaType: OCI_INDEX })] },
    refused: /announced as|claims to be/,
  },
  { name: 'a name with ..', parts: { entries: (one) => [named(one, '../../etc/passwd')] }, refused: /not an image name/ },
  {
    name: 'a name with control characters',
    parts: { entries: (one) => [named(one, 'a\x1b[2J\n\u202eb:1')] },
    refused: /^\S+ cannot be loaded: 'a\?\[2J\?\?b:1' is not an image name/,
  },
  { name: 'a name of 100 KB', parts: { entries: (one) => [named(one, 'n'.repeat(100_000))] }, refused: /not an image name/ },
  { name: 'a name that is a number', parts: { entries: (one) => [named(one, 7)] }, refused: /annotations/ },
  {
    name: 'a name with a digest of something else',
    parts: { entries: (one) => [named(one, `localhost/x@sha256:${'3'.repeat(64)}`)] },
    refused: /another content|digest/,
  },
];
