import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChallenges } from './challenge.ts';

test('a token challenge is read with its quoted commas', () => {
  const header = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull,push"';
  assert.deepEqual(parseChallenges(header), [
    {
      scheme: 'bearer',
      parameters: { realm: 'https://auth.docker.io/token', service: 'registry.docker.io', scope: 'repository:library/nginx:pull,push' },
    },
  ]);
});

test('several challenges in one header are told apart', () => {
  assert.deepEqual(parseChallenges('Basic realm="a \\"b\\"", Bearer realm=https://x/t , service = y,Negotiate'), [
    { scheme: 'basic', parameters: { realm: 'a "b"' } },
    { scheme: 'bearer', parameters: { realm: 'https://x/t', service: 'y' } },
    { scheme: 'negotiate', parameters: {} },
  ]);
});

test('nonsense gives no challenge and no endless loop', () => {
  for (const header of ['', '"', '=', ', ,', 'Bearer realm="never closed']) assert.ok(parseChallenges(header).length <= 1);
});
