// Many pushes and pulls over a line that fails in every way that there is, chosen by a seed. Whatever happens: what is stored is
// right, what can get there gets there, what cannot ends in the error for it, and nothing is left behind.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type Descriptor,
  forEachOf,
  openStore,
  parseReference,
  pullImage,
  pushImage,
  type Reference,
  type RegistryOptions,
  SealosError,
  type Store,
} from '../../packages/image/src/index.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { lastingFault, passingFaults, seeded } from '../support/fault-plan.ts';
import { type Fault, type SeenRequest, startFaultProxy } from '../support/fault-proxy.ts';
import { makeImage, withDirectory } from '../support/images.ts';
import { run } from '../support/programs.ts';
import { noisyLayer } from '../support/registry-content.ts';
import { until } from '../support/until.ts';

const IMAGES = 60;
const AT_ONCE = 10;
const LASTING = 0.12;
const LONGEST = 120_000;

// Independent of our own code: every blob's sha256 is its name, and what a manifest lists is there.
const VERIFY = `
import hashlib, json, os, sys
bad, blobs, manifests = [], 0, 0
for kind, root in zip(sys.argv[1::2], sys.argv[2::2]):
    found = {}
    for directory, _, names in os.walk(root):
        for name in names:
            digest = name if kind == 'layout' else os.path.basename(directory)
            with open(os.path.join(directory, name), 'rb') as file: content = file.read()
            blobs += 1
            found[digest] = content
            if hashlib.sha256(content).hexdigest() != digest: bad.append(os.path.join(directory, name))
    for content in list(found.values()):
        if not content.startswith(b'{"schemaVersion"'): continue
        manifests += 1
        document = json.loads(content)
        for part in [document['config'], *document['layers']]:
            have = found.get(part['digest'].split(':')[1])
            if have is None or len(have) != part['size']: bad.append(part['digest'])
print(json.dumps({'bad': bad, 'blobs': blobs, 'manifests': manifests}))
`;

const sockets = () => process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;

interface Plan {
  readonly fault: (request: SeenRequest) => Fault | undefined;
  /** The codes of the errors of which it has to end in one; none when it has to succeed. */
  readonly codes: readonly string[];
}

test(`${2 * IMAGES} transfers through seeded faults`, async () => {
  const seed = process.env['SEALOS_FAULT_SEED'] ?? String(Math.floor(Math.random() * 1e9));
  await transfers(seed).catch((error: unknown) => {
    throw new Error(`with SEALOS_FAULT_SEED=${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
  });
});

async function transfers(seed: string): Promise<void> {
  const before = { sockets: sockets(), timers: timers() };
  await using registry = await startDockerRegistry();
  await withDirectory(async (directory) => {
    const plans = new Map<string, Plan>();
    await using proxy = await startFaultProxy(registry.address, (request) => plans.get(repositoryOf(request))?.fault(request));
    const settings: RegistryOptions = {
      environment: { PATH: process.env['PATH'], HOME: `${directory}/home` },
      registriesConf: [],
      plainHttp: true,
      credentials: async () => ({ credentials: { kind: 'password', user: 'u', password: 'p' } }),
      retry: { attempts: 10, delay: 2, longestDelay: 20, patience: 5000 },
      timeouts: { connect: 5000, headers: 1500, stall: 700 },
    };
    const stores = { here: await openStore(join(directory, 'here')), there: await openStore(join(directory, 'there')) };
    const named: Reference[] = [];
    let refused = 0;

    const transfer = async (action: 'push' | 'pull', name: string, work: () => Promise<Descriptor>): Promise<Descriptor | undefined> => {
      const random = seeded(`${seed} ${action} ${name}`);
      const isLasting = random() < LASTING;
      const plan: Plan = isLasting ? lastingFault(action, random) : { codes: [], fault: passingFaults(random) };
      plans.set(name, plan);
      const began = Date.now();
      const outcome = await work().catch((error: unknown) => ({ error }));
      plans.delete(name);
      assert.ok(Date.now() - began < LONGEST, `${action} ${name} took ${Date.now() - began} ms`);
      if ('error' in outcome) {
        const { error } = outcome;
        assert.ok(error instanceof SealosError, `${action} ${name}: ${error}`);
        assert.ok(plan.codes.includes(error.code), `${action} ${name} ended in ${error.code}: ${error.message}`);
        refused += 1;
        return undefined;
      }
      assert.deepEqual(plan.codes, [], `${action} ${name} came about`);
      return outcome;
    };

    await forEachOf(
      Array.from({ length: IMAGES }, (_, number) => number),
      AT_ONCE,
      async (number) => {
        const random = seeded(`${seed} image ${number}`);
        const repository = `many/app-${number}`;
        const reference = parseReference(`${proxy.address}/${repository}:1`);
        const layers = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, layer) =>
          noisyLayer(500 + Math.floor(random() ** 3 * 100_000), `${seed} ${number} ${layer}`),
        );
        const made = await makeImage(stores.here, { name: `${proxy.address}/${repository}:1`, layers, compression: 'none' });
        const jobs = 1 + Math.floor(random() * 3);
        const options = { registry: settings, jobs };
        let pushed = await transfer('push', repository, () => pushImage(stores.here, reference, options));
        // What a lasting fault stopped goes on from there once it is over.
        pushed ??= await pushImage(stores.here, reference, options);
        assert.equal(pushed.digest, made.digest);
        const pulled = await transfer('pull', repository, () => pullImage(stores.there, reference, options));
        if (pulled === undefined) {
          await assert.rejects(stores.there.resolve(reference), { code: 'image-not-found' });
          return;
        }
        assert.equal(pulled.digest, made.digest);
        named.push(reference);
      },
    );

    assert.ok(refused > 0 && named.length > IMAGES / 2, `${refused} were refused, ${named.length} came about`);
    assert.equal((await stores.there.list()).length, named.length);
    await noTemporaryFiles([stores.here, stores.there]);
    const registryBlobs = join(registry.directory, 'docker/registry/v2/blobs/sha256');
    const places = ['layout', join(stores.there.path, 'blobs/sha256'), 'registry', registryBlobs];
    const verdict = JSON.parse(await run('python3', ['-c', VERIFY, ...places]));
    assert.deepEqual(verdict.bad, []);
    assert.ok(verdict.manifests >= IMAGES + named.length, JSON.stringify(verdict));
    await until('the end of every connection', 60_000, async () => (proxy.connections === 0 ? true : undefined));
  });
  await registry.stop();
  const isQuiet = () => sockets() <= before.sockets && timers() <= before.timers + 1; // one of them waits here
  await until('the end of all sockets and timers', 60_000, async () => (isQuiet() ? true : undefined));
}

function repositoryOf({ path }: SeenRequest): string {
  return /^\/v2\/(many\/app-\d+)\//.exec(path)?.[1] ?? '';
}

async function noTemporaryFiles(stores: readonly Store[]): Promise<void> {
  for (const store of stores) {
    await store.close();
    const names = await readdir(join(store.path, 'sealos'), { recursive: true });
    assert.deepEqual(
      names.filter((name) => !['leases', 'index'].includes(name) && !name.startsWith('index/')),
      [],
    );
  }
}
