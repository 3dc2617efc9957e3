// What a Kubefile means is what buildah makes of it: the same OCI config, instruction by instruction.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { buildImage, openImage, openStore, parseReference, SealosError, type Store } from '@sealos/image';
import { ensureInstalled } from '../../scripts/debian.ts';
import { withDirectoryInMemory } from '../support/images.ts';
import { generatedKubefile, type KubefileCase, kubefiles } from '../support/kubefiles.ts';
import { type Buildah, buildahIn } from '../support/programs.ts';

before(() => ensureInstalled(['buildah']));

/** `--flag K=V` arguments as our builder takes them. */
function flagsOf(list: readonly string[]): {
  env: Record<string, string>;
  labels: Record<string, string>;
  buildArgs: Record<string, string>;
} {
  const flags = {
    '--env': {} as Record<string, string>,
    '--label': {} as Record<string, string>,
    '--build-arg': {} as Record<string, string>,
  };
  for (let at = 0; at < list.length; at += 2) {
    const [flag, pair = ''] = [list[at], list[at + 1]];
    const record = Object.entries(flags).find(([name]) => name === flag)?.[1];
    if (record) record[pair.slice(0, pair.indexOf('='))] = pair.slice(pair.indexOf('=') + 1);
  }
  return { env: flags['--env'], labels: flags['--label'], buildArgs: flags['--build-arg'] };
}

interface Side {
  readonly config: unknown;
  readonly author: unknown;
  readonly platform: string;
}

/** Labels of the tool itself and empty members aside: they say nothing about the Kubefile. */
function comparable(document: { config?: object; author?: string; os: string; architecture: string; variant?: string }): Side {
  const config = Object.fromEntries(Object.entries(document.config ?? {}).filter(([, value]) => value !== null && !isEmpty(value)));
  if (config['Labels']) {
    const { 'io.buildah.version': _, ...labels } = config['Labels'];
    if (isEmpty(labels)) delete config['Labels'];
    else config['Labels'] = labels;
  }
  // Names are unique, so their order means nothing; buildah's depends on where a variable was set first.
  if (Array.isArray(config['Env'])) config['Env'] = config['Env'].toSorted();
  return { config, author: document.author ?? '', platform: `${document.os}/${document.architecture}/${document.variant ?? ''}` };
}

function isEmpty(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

async function ours(store: Store, context: string, args: readonly string[]): Promise<Side | 'refused'> {
  try {
    await buildImage(store, { context, names: ['localhost/ours:1'], ...flagsOf(args) });
  } catch (error) {
    assert.ok(error instanceof SealosError && error.exitCode === 2, String(error));
    return 'refused';
  }
  return comparable((await openImage(store, parseReference('localhost/ours:1'))).config);
}

async function theirs(buildah: Buildah, context: string, args: readonly string[]): Promise<Side | 'refused'> {
  const build = buildah(
    'build',
    '--isolation',
    'chroot',
    '-q',
    '-f',
    join(context, 'Kubefile'),
    ...args,
    '-t',
    'localhost/theirs:1',
    context,
  );
  if ((await build.then(() => true).catch(() => false)) === false) return 'refused';
  const inspected = JSON.parse(await buildah('inspect', '--type', 'image', 'localhost/theirs:1'));
  await buildah('rmi', '-f', 'localhost/theirs:1');
  return comparable(inspected.OCIv1);
}

async function compare(
  cases: readonly KubefileCase[],
  work: (check: (one: KubefileCase) => Promise<void>) => Promise<void>,
): Promise<void> {
  await withDirectoryInMemory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await writeFile(join(context, 'a.txt'), 'a\n');
    const buildah = buildahIn(directory);
    await using store = await openStore(join(directory, 'store'));
    await work(async ({ name, body, arguments: args = [] }) => {
      await writeFile(join(context, 'Kubefile'), `FROM scratch\n${body}`);
      assert.deepEqual(await ours(store, context, args), await theirs(buildah, context, args), `${name}:\n${body}`);
    });
    assert.ok(cases.length > 0);
  });
}

test(`${kubefiles.length} Kubefiles become the config that buildah makes of them`, () =>
  compare(kubefiles, async (check) => {
    for (const one of kubefiles) await check(one);
  }));

// SEALOS_TEST_SEEDS=N for more of them.
const seeds = Array.from({ length: Number(process.env['SEALOS_TEST_SEEDS'] ?? 40) }, (_, seed) => generatedKubefile(seed));

test(`${seeds.length} generated Kubefiles become the config that buildah makes of them, or are refused by both`, () =>
  compare(seeds, async (check) => {
    for (const one of seeds) await check(one);
  }));

test('on a base image: what it sets is inherited, and ENTRYPOINT drops its CMD', () =>
  withDirectoryInMemory(async (directory) => {
    const context = join(directory, 'context');
    await mkdir(context);
    await writeFile(join(context, 'a.txt'), 'a\n');
    const buildah = buildahIn(directory);
    await using store = await openStore(join(directory, 'store'));
    const base = [
      'FROM scratch',
      'MAINTAINER base',
      'ENV A=1 B=2 PATH=/base',
      'LABEL a=1 sealos.io.type=rootfs',
      'WORKDIR /w',
      'USER 7',
      'EXPOSE 80',
      'VOLUME /v',
      'ENTRYPOINT ["e"]',
      'CMD ["c"]',
      'COPY a.txt .',
    ];
    await writeFile(join(context, 'Kubefile'), `${base.join('\n')}\n`);
    await buildImage(store, { context, names: ['localhost/base:1'] });
    await buildah('build', '--isolation', 'chroot', '-q', '-f', join(context, 'Kubefile'), '-t', 'localhost/base:1', context);
    for (const body of [
      '',
      'ENV A=$B C=$A\nLABEL b=$A',
      'CMD ["d"]',
      'CMD []',
      'ENTRYPOINT ["f"]',
      'CMD ["d"]\nENTRYPOINT ["f"]',
      'ENTRYPOINT []',
      'WORKDIR x\nUSER 8\nEXPOSE 81\nVOLUME /u\nMAINTAINER other',
      'COPY a.txt b/',
    ]) {
      await writeFile(join(context, 'Kubefile'), `FROM localhost/base:1\n${body}\n`);
      assert.deepEqual(await ours(store, context, []), await theirs(buildah, context, ['--pull=false']), body);
    }
  }));
