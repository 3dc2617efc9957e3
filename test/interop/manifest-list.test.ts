// `sealos manifest …` as published pipelines call it; skopeo looks at what the registry then has.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import {
  addToList,
  checkStore,
  createList,
  fixedCredentials,
  openRegistry,
  openStore,
  parseReference,
  readList,
  removeMember,
  SealosError,
} from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { type DockerRegistry, startDockerRegistry } from '../support/docker-registry.ts';
import { file, makeImage } from '../support/images.ts';
import { run } from '../support/programs.ts';

const sealos = join(dirname(dirname(import.meta.dirname)), 'sealos');
const work = mkdtempSync(join(tmpdir(), 'sealos-manifest-'));
const env = { ...process.env, SEALOS_STORAGE: join(work, 'store'), HOME: join(work, 'home'), REGISTRY_AUTH_FILE: join(work, 'auth.json') };
const login = { user: 'ci', password: 'only for this test' };
let registry: DockerRegistry;

function call(...args: readonly string[]) {
  const result = spawnSync(sealos, args, { env, encoding: 'utf8', cwd: work, input: '' });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr };
}

function good(...args: readonly string[]): string {
  const { status, stdout, stderr } = call(...args);
  assert.equal(status, 0, `sealos ${args.join(' ')}: ${stderr}`);
  return stdout;
}

interface RawIndex {
  readonly mediaType: string;
  readonly manifests: readonly {
    readonly mediaType: string;
    readonly digest: string;
    readonly platform: { readonly architecture: string };
  }[];
}

const raw = async (name: string): Promise<RawIndex> =>
  JSON.parse(await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${name}`], env));
const architectures = (index: RawIndex) => index.manifests.map(({ platform }) => platform.architecture);

before(async () => {
  ensureInstalled(['skopeo']);
  mkdirSync(env.HOME);
  registry = await startDockerRegistry({ htpasswd: login });
  // What the jobs for each architecture of a pipeline leave at the registry.
  await run('skopeo', ['login', '--tls-verify=false', '-u', login.user, '-p', login.password, registry.address], env);
  await using store = await openStore(join(work, 'others'));
  for (const architecture of ['amd64', 'arm64']) {
    for (const compression of ['gzip', 'zstd'] as const) {
      const name = `app-${compression}:1-${architecture}`;
      await makeImage(store, {
        name: `localhost/${name}`,
        architecture,
        compression,
        layers: [[file('shared', 's'.repeat(10_000))], [file('bin', architecture.repeat(50_000))]],
      });
      const to = `docker://${registry.address}/team/${name}`;
      await run('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${store.path}:localhost/${name}`, to], env);
    }
  }
});

after(async () => {
  await registry[Symbol.asyncDispose]();
  rmSync(work, { recursive: true, force: true });
});

test("the published pipeline's commands, word for word: one name for both architectures, and nothing was fetched", async () => {
  const image = `${registry.address}/team/app-zstd:1`;
  const script = `set -e
    "$sealos" rmi ${image} || true
    "$sealos" manifest create ${image}
    "$sealos" manifest add ${image} docker://${image}-amd64
    "$sealos" manifest add ${image} docker://${image}-arm64
    "$sealos" images
    "$sealos" login -u "$user" -p "$password" ${registry.address}
    "$sealos" manifest push --all ${image} docker://${image}
    "$sealos" manifest inspect ${image} > inspected.json
    "$sealos" rmi ${image}`;
  const result = spawnSync('bash', ['-c', script], { cwd: work, encoding: 'utf8', env: { ...env, ...login, sealos } });
  assert.equal(result.status, 0, result.stderr);
  assert.match(result.stdout, new RegExp(`${registry.address}/team/app-zstd +1 +[0-9a-f]{12} `));
  const pushed = await raw(image);
  assert.deepEqual(architectures(pushed), ['amd64', 'arm64']);
  assert.deepEqual(JSON.parse(readFileSync(join(work, 'inspected.json'), 'utf8')), pushed);
  for (const architecture of ['amd64', 'arm64']) {
    const to = `dir:${join(work, `copied-${architecture}`)}`;
    const choose = ['--override-arch', architecture, '--src-tls-verify=false', '--quiet'];
    await run('skopeo', ['copy', ...choose, `docker://${image}`, to], env);
    const one = await run('skopeo', ['inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${image}-${architecture}`], env);
    assert.ok(pushed.manifests.some(({ digest }) => digest === one.trim()));
  }
  await using store = await openStore(env.SEALOS_STORAGE);
  assert.deepEqual(await store.list(), []);
});

test('a list goes to another repository of the registry, and to another registry, without its images being stored here', async () => {
  const list = 'localhost/mf:1';
  const from = `docker://${registry.address}/team/app-gzip:1`;
  good('manifest', 'create', '--all', list, `${from}-amd64`, `${from}-arm64`);
  await using other = await startDockerRegistry();
  for (const address of [registry.address, other.address]) {
    const digest = good('manifest', 'push', '-q', '--all', '--digestfile', 'digest', list, `docker://${address}/elsewhere/app:1`).trim();
    assert.equal(readFileSync(join(work, 'digest'), 'utf8'), digest);
    const name = `${address}/elsewhere/app`;
    assert.deepEqual(architectures(await raw(`${name}@${digest}`)), ['amd64', 'arm64']);
    const copied = `dir:${join(work, `all-${address}`.replaceAll(':', '-'))}`;
    await run('skopeo', ['copy', '--all', '--quiet', '--src-tls-verify=false', `docker://${name}:1`, copied], env);
  }
  await using store = await openStore(env.SEALOS_STORAGE);
  const { stdout } = spawnSync('du', ['-sb', join(store.path, 'blobs')], { encoding: 'utf8' });
  assert.ok(Number(stdout.split('\t')[0]) < 20_000, `${stdout.trim()}: only documents are in the store`);
  assert.equal(call('manifest', 'push', '-q', '--rm', list, `${registry.address}/elsewhere/app:2`).status, 0);
  assert.equal(call('manifest', 'exists', list).status, 1);
});

test("v2s2 makes Docker's list of Docker's manifests; zstd layers, which that form does not know, are refused before anything is sent", async () => {
  const from = `docker://${registry.address}/team/app-gzip:1`;
  good('manifest', 'create', 'localhost/docker:1', `${from}-amd64`, `${from}-arm64`);
  const to = `${registry.address}/docker/app:1`;
  good('manifest', 'push', '--format', 'v2s2', 'localhost/docker:1', to);
  const pushed = await raw(to);
  assert.equal(pushed.mediaType, 'application/vnd.docker.distribution.manifest.list.v2+json');
  assert.deepEqual(
    pushed.manifests.map(({ mediaType }) => mediaType),
    Array(2).fill('application/vnd.docker.distribution.manifest.v2+json'),
  );
  await run('skopeo', ['copy', '--all', '--quiet', '--src-tls-verify=false', `docker://${to}`, `dir:${join(work, 'docker')}`], env);

  good('manifest', 'create', 'localhost/zstd:1', `docker://${registry.address}/team/app-zstd:1-amd64`);
  const refused = call('manifest', 'push', '-f', 'v2s2', 'localhost/zstd:1', `${registry.address}/docker/zstd:1`);
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /zstd layers, which Docker's format does not know/);
  await assert.rejects(raw(`${registry.address}/docker/zstd:1`));
});

test('what is said of a member is in the list at the registry, and a member can be taken out again', async () => {
  const list = 'localhost/facts:1';
  const image = `docker://${registry.address}/team/app-gzip:1-amd64`;
  good('manifest', 'create', list);
  const facts = ['--variant', 'v3', '--os-version', '10.0.1', '--os-features', 'a,b', '--features', 'sse4', '--annotation', 'who=me'];
  const [, digest = ''] = good('manifest', 'add', ...facts, list, image)
    .trim()
    .split(': ');
  good('manifest', 'annotate', '--os', 'linux', '--arch', 'arm64', '--annotation', 'more=yes', list, digest);
  const to = `${registry.address}/facts/app:1`;
  good('manifest', 'push', list, to);
  const { platform, annotations } = JSON.parse(await run('skopeo', ['inspect', '--raw', '--tls-verify=false', `docker://${to}`], env))
    .manifests[0];
  assert.deepEqual(platform, {
    architecture: 'arm64',
    os: 'linux',
    'os.version': '10.0.1',
    'os.features': ['a', 'b'],
    variant: 'v3',
    features: ['sse4'],
  });
  assert.deepEqual(annotations, { who: 'me', more: 'yes' });
  const choose = ['--override-arch', 'arm64', '--override-variant', 'v3', '--src-tls-verify=false', '--quiet'];
  await run('skopeo', ['copy', ...choose, `docker://${to}`, `dir:${join(work, 'chosen')}`], env);

  good('manifest', 'add', '--os', 'linux', '--arch', 'riscv64', list, `docker://${registry.address}/team/app-gzip:1-arm64`);
  good('manifest', 'remove', list, digest);
  assert.deepEqual(architectures(JSON.parse(good('manifest', 'inspect', list))), ['riscv64']);
});

test('exists answers by its status; amend adds; an image that is added again is replaced; of a list one platform or all are taken', async () => {
  const list = 'localhost/many:1';
  const app = `docker://${registry.address}/team/app-gzip:1`;
  assert.deepEqual(call('manifest', 'exists', list), { status: 1, stdout: '', stderr: '' });
  good('manifest', 'create', list, `${app}-amd64`);
  assert.deepEqual(call('manifest', 'exists', list), { status: 0, stdout: '', stderr: '' });
  good('manifest', 'create', '--amend', list, `${app}-arm64`);
  assert.deepEqual(architectures(JSON.parse(good('manifest', 'inspect', list))), ['amd64', 'arm64']);
  good('manifest', 'add', list, `docker://${registry.address}/team/app-zstd:1-amd64`);
  const many = `${registry.address}/team/many:1`;
  good('manifest', 'push', list, many);
  assert.deepEqual(architectures(JSON.parse(good('manifest', 'inspect', `docker://${many}`))), ['arm64', 'amd64']);

  await using store = await openStore(join(work, 'many'));
  await using remote = openRegistry({ credentials: fixedCredentials(login.user, login.password) });
  const one = await createList(store, parseReference('localhost/one:1'), [`docker://${many}`], { registry: remote });
  assert.deepEqual(
    one.index.manifests.map(({ platform }) => platform?.architecture),
    [process.arch === 'arm64' ? 'arm64' : 'amd64'],
  );
  const all = await createList(store, parseReference('localhost/all:1'), [many], { registry: remote, all: true });
  assert.equal(all.index.manifests.length, 2);
  const refused = (says: RegExp) => (error: unknown) => error instanceof SealosError && error.exitCode === 2 && says.test(error.message);
  const before = await store.list();
  const name = parseReference('localhost/all:1');
  const add = (to: string, image: string, facts = {}) => addToList(store, parseReference(to), image, { registry: remote, facts });
  await assert.rejects(createList(store, name, [], { registry: remote }), refused(/localhost\/all:1 is there already/));
  await assert.rejects(createList(store, parseReference('localhost/new:1'), [`${app}-absent`], { registry: remote }), refused(/absent/));
  await assert.rejects(add('localhost/nothing:1', `${app}-amd64`), refused(/there is no image localhost\/nothing:1/));
  await assert.rejects(add('localhost/all:1', 'oci-archive:x.tar'), refused(/not from 'oci-archive:'/));
  await assert.rejects(
    add('localhost/all:1', `docker://${many}`, { architecture: 's390x' }),
    refused(/is not for linux\/s390x: it is for linux\/amd64, linux\/arm64/),
  );
  await assert.rejects(removeMember(store, name, `sha256:${'0'.repeat(64)}`), refused(/does not list sha256:0000/));
  assert.deepEqual(await store.list(), before);
  // What a list names and the store never had is nothing that it lacks.
  assert.deepEqual((await checkStore(store.path)).faults, []);
});

test('of images that are added at the same time none is lost', async () => {
  const list = parseReference('localhost/race:1');
  await using store = await openStore(join(work, 'race'));
  await using remote = openRegistry({ credentials: fixedCredentials(login.user, login.password) });
  await createList(store, list, [], { registry: remote });
  const images = ['app-gzip:1-amd64', 'app-gzip:1-arm64', 'app-zstd:1-amd64', 'app-zstd:1-arm64'];
  const adding = images.map(async (image, index) => {
    await using own = await openStore(store.path);
    const facts = { osVersion: String(index) };
    await addToList(own, list, `docker://${registry.address}/team/${image}`, { registry: remote, facts });
  });
  await Promise.all(adding);
  const { index } = await readList(store, list);
  assert.deepEqual(index.manifests.map(({ platform }) => platform?.['os.version']).sort(), ['0', '1', '2', '3']);
});
