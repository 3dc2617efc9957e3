import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ensureTokens } from './tokens.ts';

function secrets() {
  const kept = new Map<string, string>();
  return {
    kept,
    state: {
      readSecret: async (name: string) => kept.get(name),
      writeSecret: async (name: string, text: string) => void kept.set(name, text),
    },
  };
}

test('tokens are made once, two that differ; a dry run keeps none', async () => {
  const { kept, state } = secrets();
  await ensureTokens(state, { dryRun: true });
  assert.equal(kept.size, 0);
  const first = await ensureTokens(state, { dryRun: false });
  assert.deepEqual(
    [...kept],
    [
      ['token', first.server],
      ['agent-token', first.agent],
    ],
  );
  assert.notEqual(first.server, first.agent);
  assert.deepEqual(await ensureTokens(state, { dryRun: false }), first);
});

test('those of a cluster of sealos, which end with a line, are gone on with', async () => {
  const { kept, state } = secrets();
  kept.set('token', 'known\n').set('agent-token', 'agents');
  assert.deepEqual(await ensureTokens(state, { dryRun: false }), { server: 'known', agent: 'agents' });
});
