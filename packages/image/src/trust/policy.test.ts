import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { makeImage, withDirectory } from '../../../../test/support/images.ts';
import { parseReference } from '../reference.ts';
import { openStore } from '../store.ts';
import { requireTrustedInStore } from './admission.ts';
import { parsePolicy, readPolicy } from './policy.ts';

const parse = (value: unknown) => parsePolicy(Buffer.from(JSON.stringify(value)), '/p/policy.json');

test('what a policy has that is not known is refused, and so is one that is not whole', () => {
  const accept = [{ type: 'insecureAcceptAnything' }];
  for (const [value, where] of [
    [{}, /default/],
    [{ default: [] }, /default/],
    [{ default: [{ type: 'trustMe' }] }, /default/],
    [{ default: accept, transport: {} }, /transport/],
    [{ default: [{ type: 'reject', but: 'not really' }] }, /but/],
    [{ default: [{ type: 'sigstoreSigned', keyPath: '/k', signedIdentity: { type: 'matchAnything' } }] }, /signedIdentity/],
    [{ default: accept, transports: { docker: { 'example.org': [] } } }, /docker/],
  ] as const) {
    assert.throws(() => parse(value), { code: 'bad-policy', exitCode: 2, message: where }, JSON.stringify(value));
  }
  assert.throws(() => parsePolicy(Buffer.from('{"default":'), '/p/policy.json'), { code: 'bad-policy' });
});

test("the user's policy comes before the machine's; one that is named has to be there; a broken one lets nothing pass", async () => {
  await withDirectory(async (directory) => {
    const environment = { HOME: directory };
    const own = `${directory}/.config/containers/policy.json`;
    await mkdir(`${directory}/.config/containers`, { recursive: true });
    await writeFile(own, '{"default":[{"type":"reject"}]}');
    assert.equal((await readPolicy(undefined, environment))?.path, own);
    await writeFile(own, 'accept everything, please');
    await assert.rejects(readPolicy(undefined, environment), { code: 'bad-policy', message: /not JSON/ });
    await rm(own);
    await assert.rejects(readPolicy(own, environment), { code: 'bad-policy', message: /cannot be read/ });
  });
});

test('conditions that cannot be checked here are refused by name and never passed over', async () => {
  await withDirectory(async (directory) => {
    await using store = await openStore(`${directory}/store`);
    const image = await makeImage(store, { layers: [] });
    for (const [requirement, message] of [
      [{ type: 'signedBy', keyType: 'GPGKeys', keyPath: '/k' }, /signedBy, which is not supported/],
      [{ type: 'sigstoreSigned', fulcio: {} }, /'fulcio' of sigstoreSigned, which is not supported/],
      [{ type: 'sigstoreSigned', keyPath: '/k', rekorPublicKeyPath: '/r' }, /'rekorPublicKeyPath'/],
      [{ type: 'sigstoreSigned' }, /needs one of keyPath/],
      [{ type: 'sigstoreSigned', keyPath: '/no/such/key' }, /\/no\/such\/key cannot be read/],
      [{ type: 'reject' }, /localhost\/test:1 is refused: \/p\/policy\.json \(scope 'localhost\/test'\) rejects it/],
    ] as const) {
      const policy = parse({
        default: [{ type: 'insecureAcceptAnything' }],
        // The first of several that is not fulfilled decides.
        transports: { docker: { 'localhost/test': [{ type: 'insecureAcceptAnything' }, requirement] } },
      });
      const asked = requireTrustedInStore(store, parseReference('localhost/test:1'), image, { policy, keys: [] });
      await assert.rejects(asked, { exitCode: 2, message });
    }
  });
});
