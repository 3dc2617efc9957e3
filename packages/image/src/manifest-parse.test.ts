import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseImageConfig, parseIndex, parseManifest } from './manifest-parse.ts';
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from './media-types.ts';

const DIGEST = `sha256:${'0'.repeat(64)}`;
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const config = { mediaType: 'c', digest: DIGEST, size: 1 };

test('a manifest without mediaType member takes that of its descriptor', () => {
  assert.equal(parseManifest(bytes({ schemaVersion: 2, config, layers: [config] }), OCI_MANIFEST).mediaType, OCI_MANIFEST);
});

test('documents that lie about what they are, are refused', () => {
  const refused: readonly (readonly [unknown, RegExp])[] = [
    [{ schemaVersion: 2, mediaType: DOCKER_MANIFEST, config, layers: [] }, /announced as/],
    [{ schemaVersion: 2, config, layers: [], manifests: [] }, /index too/],
    [{ schemaVersion: 1, config, layers: [] }, /schemaVersion/],
    [{ schemaVersion: 2, layers: [] }, /config/],
    [{ schemaVersion: 2, config: { ...config, digest: 'sha256:../../etc' }, layers: [] }, /config\.digest/],
    [{ schemaVersion: 2, config, layers: [{ ...config, size: -1 }] }, /layers\.0\.size/],
    [{ schemaVersion: 2, config, layers: [{ ...config, size: 1.5 }] }, /layers\.0\.size/],
    ['[]', /not valid/],
    ['nothing', /not JSON/],
    [`${'['.repeat(100_000)}${']'.repeat(100_000)}`, /levels deep/],
    [' '.repeat(5_000_000), /bigger than 4 MiB/],
  ];
  for (const [value, message] of refused) assert.throws(() => parseManifest(bytes(value), OCI_MANIFEST), { code: 'bad-content', message });
  assert.throws(() => parseIndex(bytes({ schemaVersion: 2, manifests: [], layers: [] }), OCI_INDEX), { message: /manifest too/ });
  assert.throws(() => parseManifest(Buffer.from([0xff, 0xfe]), OCI_MANIFEST), { message: /UTF-8/ });
});

test('brackets in strings are no depth', () => {
  const annotations = { note: '[{"'.repeat(1000) };
  assert.deepEqual(parseManifest(bytes({ schemaVersion: 2, config, layers: [], annotations }), OCI_MANIFEST).annotations, annotations);
});

test("images of Docker's schema 1 are refused with what to do", () => {
  assert.throws(() => parseManifest(bytes({}), 'application/vnd.docker.distribution.manifest.v1+prettyjws'), { hint: /pushed again/ });
});

test('a config keeps what is not known here, and takes null for nothing', () => {
  const parsed = parseImageConfig(
    bytes({
      architecture: 'amd64',
      os: 'linux',
      'os.features': ['x'],
      config: { Cmd: null, Env: ['A=b'], Healthcheck: { Test: ['CMD', 'true'] } },
      rootfs: { type: 'layers', diff_ids: null },
    }),
  );
  assert.deepEqual(parsed, {
    architecture: 'amd64',
    os: 'linux',
    'os.features': ['x'],
    config: { Env: ['A=b'], Healthcheck: { Test: ['CMD', 'true'] } },
    rootfs: { type: 'layers', diff_ids: [] },
  });
});
