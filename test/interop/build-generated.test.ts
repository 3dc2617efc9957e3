// Whole Kubefiles, made of all instructions: the same configuration and the same files as buildah makes of them.
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { buildImage, openImage, openStore, parseReference, SealosError, type Store, unpackImage } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { generatedBuild, makeGeneratedContext, SHELL_BASE, SHELL_KUBEFILE } from '../support/generated-kubefiles.ts';
import { withDirectoryInMemory } from '../support/images.ts';
import { type Buildah, buildahIn } from '../support/programs.ts';
import { treeOf } from '../support/trees.ts';

before(() => ensureInstalled(['buildah', 'bzip2', 'xz-utils', 'zstd']));

interface Side {
  readonly config: object;
  readonly tree: readonly string[];
}

const OURS = parseReference('localhost/ours:1');

/** Labels of the tool, and empty members, say nothing about the Kubefile. */
function comparable(config: Readonly<Record<string, unknown>>): object {
  const isEmpty = (value: unknown) =>
    value === null || value === '' || value === false || (typeof value === 'object' && Object.keys(value ?? {}).length === 0);
  const known = [
    'User',
    'Env',
    'Cmd',
    'Entrypoint',
    'ExposedPorts',
    'Volumes',
    'WorkingDir',
    'Labels',
    'StopSignal',
    'Shell',
    'Healthcheck',
    'OnBuild',
  ];
  const entries = Object.entries(config).flatMap(([key, value]) => {
    if (!known.includes(key)) return [];
    if (key === 'Env' && Array.isArray(value)) return [[key, value.toSorted()]];
    if (key !== 'Labels' || typeof value !== 'object' || value === null) return isEmpty(value) ? [] : [[key, value]];
    const labels = Object.fromEntries(Object.entries(value).filter(([name]) => name !== 'io.buildah.version'));
    return isEmpty(labels) ? [] : [[key, labels]];
  });
  return Object.fromEntries(entries);
}

// What buildah leaves of its mounts in the image, and we do not.
const LEFT_BEHIND = /^(dev|proc|sys|run|run\/\.containerenv|etc|etc\/hosts|etc\/hostname|etc\/resolv\.conf|run\/secrets): /;

// buildah makes a volume's directory or not by what comes behind VOLUME; ours is always there.
const VOLUMES = /^(vol|v1|v 2): directory/;

/** Times are each builder's own where something ran, and those of directories always. */
function lines(tree: readonly string[], runs: boolean): readonly string[] {
  return tree
    .filter((line) => !VOLUMES.test(line))
    .map((line) => (runs ? line.replace(/( \d+:\d+) \d+/, '$1') : line.replace(/(: directory .*) \d+$/, '$1')));
}

function flagsOf(list: readonly string[]) {
  const record = (flag: string) =>
    Object.fromEntries(
      list.flatMap((text, at) => (list[at - 1] === flag ? [[text.slice(0, text.indexOf('=')), text.slice(text.indexOf('=') + 1)]] : [])),
    );
  const target = list[list.indexOf('--target') + 1];
  return { buildArgs: record('--build-arg'), labels: record('--label'), target: list.includes('--target') ? target : undefined };
}

async function ours(store: Store, context: string, file: string, args: readonly string[], into: string): Promise<Side | string> {
  try {
    await buildImage(store, { context, file, names: ['localhost/ours:1'], ...flagsOf(args) });
  } catch (error) {
    assert.ok(error instanceof SealosError, error instanceof Error ? (error.stack ?? error.message) : String(error));
    return error.message;
  }
  const image = await openImage(store, OURS);
  await unpackImage(store, image, into);
  return { config: comparable({ ...image.config.config }), tree: await treeOf(into) };
}

async function theirs(buildah: Buildah, directory: string, context: string, file: string, args: readonly string[]): Promise<Side | string> {
  const build = ['build', '--isolation', 'chroot', '--pull=false', '--format', 'docker', '-q', '-f', file, ...args, context];
  const id = await buildah(...build).catch((error: unknown) => String(error));
  if (!/^[0-9a-f]{64}$/.test(id)) return id;
  const inspected = JSON.parse(await buildah('inspect', '--type', 'image', id));
  // The storage driver keeps each layer's whole tree as a directory: nothing needs to be mounted.
  const images: { id: string; layer: string }[] = JSON.parse(await readFile(join(directory, 'storage/vfs-images/images.json'), 'utf8'));
  const layer = images.find((image) => image.id === id)?.layer;
  const tree = layer === undefined ? [] : await treeOf(join(directory, 'storage/vfs/dir', layer));
  await buildah('rmi', '-f', id);
  return { config: comparable(inspected.Docker.config), tree };
}

// SEALOS_TEST_SEEDS=N for more of them.
const COUNT = Number(process.env['SEALOS_TEST_SEEDS'] ?? 300);
const LANES = 2;

test(`${COUNT} generated Kubefiles of all instructions become what buildah makes of them, or are refused by both`, async () => {
  let built = 0;
  const lane = (number: number) =>
    withDirectoryInMemory(async (directory) => {
      const context = join(directory, 'context');
      await mkdir(context);
      await makeGeneratedContext(context);
      const buildah = buildahIn(directory);
      await using store = await openStore(join(directory, 'store'));
      const file = join(directory, 'Kubefile');
      await writeFile(file, SHELL_KUBEFILE);
      await buildImage(store, { context, file, names: [SHELL_BASE] });
      await buildah('build', '--isolation', 'chroot', '--format', 'docker', '-q', '-f', file, '-t', SHELL_BASE, context);
      for (let seed = number; seed < COUNT; seed += LANES) {
        const { text, arguments: args, runs } = generatedBuild(seed);
        await writeFile(file, text);
        const into = join(directory, 'unpacked');
        const [mine, other] = await Promise.all([ours(store, context, file, args, into), theirs(buildah, directory, context, file, args)]);
        await rm(into, { recursive: true, force: true });
        const why = `seed ${seed}, ${args.join(' ')}:\n${text}`;
        if (typeof mine === 'string' || typeof other === 'string') {
          assert.ok(
            typeof mine === typeof other,
            `${why}\nours: ${typeof mine === 'string' ? mine : 'built'}\nbuildah: ${typeof other === 'string' ? other : 'built'}`,
          );
          continue;
        }
        built++;
        assert.deepEqual(mine.config, other.config, why);
        const own = lines(mine.tree, runs);
        const kept = lines(other.tree, runs).filter((line) => own.includes(line) || !runs || !LEFT_BEHIND.test(line));
        const only = (some: readonly string[], others: readonly string[]) => some.filter((line) => !others.includes(line));
        assert.deepEqual({ ours: only(own, kept), buildah: [] }, { ours: [], buildah: only(kept, own) }, why);
      }
      assert.deepEqual(await readdir(join(store.path, 'sealos/leases')).then((leases) => leases.length), 1);
    });
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
  assert.ok(built > COUNT * 0.6, `only ${built} of ${COUNT} could be built: the generator says little`);
});
