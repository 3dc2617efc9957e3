import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseReference } from '../reference.ts';
import { identityMatches, type SignedIdentity } from './identity.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;
const matches = (rule: SignedIdentity, image: string, claimed: string) => identityMatches(rule, parseReference(image), claimed);

test('a tag asks for a signature of just that name, a digest for one of the repository', () => {
  const rule = { type: 'matchRepoDigestOrExact' } as const;
  assert.ok(matches(rule, 'example.org/app:1', 'example.org/app:1'));
  assert.ok(!matches(rule, 'example.org/app:1', 'example.org/app:2'));
  assert.ok(!matches(rule, 'example.org/app:latest', 'example.org/app'), 'a bare repository is not its latest tag');
  assert.ok(matches(rule, `example.org/app@${DIGEST}`, 'example.org/app:2'));
  assert.ok(!matches(rule, `example.org/app@${DIGEST}`, 'example.org/other:2'));
  assert.ok(matches(rule, 'nginx:1', 'docker.io/library/nginx:1'));
});

test('cosign, which signs the repository alone and calls Docker Hub index.docker.io, fits matchRepository', () => {
  const rule = { type: 'matchRepository' } as const;
  assert.ok(matches(rule, 'labring/app:1', 'index.docker.io/labring/app'));
  assert.ok(matches(rule, 'localhost:5000/app:1', 'localhost:5000/app'));
  assert.ok(!matches(rule, 'labring/app:1', 'index.docker.io/labring/app2'));
  assert.ok(!matches(rule, 'labring/app:1', ''));
  assert.ok(!matches(rule, 'labring/app:1', '../../etc'));
});

test('what is signed under a fixed name is taken under any', () => {
  assert.ok(matches({ type: 'exactReference', dockerReference: 'example.org/app:1' }, 'mirror.local/x:9', 'example.org/app:1'));
  assert.ok(!matches({ type: 'exactReference', dockerReference: 'example.org/app:1' }, 'mirror.local/x:9', 'example.org/app:2'));
  assert.ok(matches({ type: 'exactRepository', dockerRepository: 'example.org/app' }, 'mirror.local/x:9', 'example.org/app:2'));
});

test('a remapped prefix ends where a name part ends', () => {
  const rule = { type: 'remapIdentity', prefix: 'mirror.local/vendor', signedPrefix: 'vendor.example.org' } as const;
  assert.ok(matches(rule, 'mirror.local/vendor/app:1', 'vendor.example.org/app:1'));
  assert.ok(!matches(rule, 'mirror.local/vendor/app:1', 'mirror.local/vendor/app:1'));
  assert.ok(!matches(rule, 'mirror.local/vendor2/app:1', 'vendor.example.org2/app:1'));
  assert.ok(matches(rule, 'mirror.local/vendor2/app:1', 'mirror.local/vendor2/app:1'));
  const host = { type: 'remapIdentity', prefix: 'mirror.local', signedPrefix: 'vendor.example.org' } as const;
  assert.ok(!matches(host, 'mirror.local:5000/app:1', 'vendor.example.org:5000/app:1'));
});
