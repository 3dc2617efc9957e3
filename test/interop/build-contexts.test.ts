// Bases and places named on the command line (--from, --build-context), and what the image does not keep: as buildah has it.
import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, test } from 'node:test';
import { ensureInstalled } from '../../scripts/debian.ts';
import { withDirectoryInMemory } from '../support/images.ts';
import { buildahIn, run } from '../support/programs.ts';
import { runSealos } from '../support/run-sealos.ts';

before(() => ensureInstalled(['buildah', 'skopeo', 'umoci']));

const FILES: Readonly<Record<string, string>> = {
  'context/a': 'of the context',
  'beside/a': 'of the other directory',
  'beside/.dockerignore': 'a\n',
  'base/Kubefile': 'FROM scratch\nCOPY which which\nENV A=base B=base\nLABEL a=base b=base\n',
  'base/which': 'base',
  'other/Kubefile': 'FROM scratch\nCOPY which which\nENV A=other B=other\n',
  'other/which': 'other',
};

/** Puts the files down and builds the two base images with both programs. `build` builds with one, and gives back what it made. */
async function withBuilders(
  work: (sides: readonly ((kubefile: string, ...flags: readonly string[]) => Promise<unknown>)[]) => Promise<void>,
): Promise<void> {
  await withDirectoryInMemory(async (directory) => {
    for (const [path, text] of Object.entries(FILES)) {
      await mkdir(dirname(join(directory, path)), { recursive: true });
      await writeFile(join(directory, path), text);
    }
    const buildah = buildahIn(directory);
    const store = join(directory, 'store');
    const ours = async (...args: readonly string[]) => {
      const { status, stderr } = await runSealos(directory, 'build', '-q', '--compression=gzip', '--save-image=false', ...args);
      assert.equal(status, 0, stderr);
    };
    const theirs = (...args: readonly string[]) => buildah('build', '--isolation', 'chroot', '-q', ...args);
    for (const name of ['base', 'other']) {
      const args = ['-f', join(directory, name, 'Kubefile'), '-t', `localhost/${name}:1`, join(directory, name)];
      await ours(...args);
      await theirs(...args);
    }
    const read = async (source: string) => {
      const layout = join(directory, 'layout');
      await run('skopeo', ['copy', '--quiet', source, `oci:${layout}:x`]);
      await run('umoci', ['unpack', '--image', `${layout}:x`, join(directory, 'bundle')]);
      const root = join(directory, 'bundle', 'rootfs');
      const files = await run('sh', ['-c', 'cd "$1" && find . -type f | sort | xargs tail -n +1', 'sh', root]);
      const { Env, Labels } = JSON.parse(await run('skopeo', ['inspect', '--config', `oci:${layout}:x`])).config;
      for (const name of [layout, join(directory, 'bundle')]) await rm(name, { recursive: true });
      const { 'io.buildah.version': _, ...labels } = Labels ?? {};
      return { files, env: Env.toSorted(), labels };
    };
    const argumentsFor = async (kubefile: string, flags: readonly string[]) => {
      await writeFile(join(directory, 'Kubefile'), kubefile);
      const placed = flags.map((flag) => flag.replace('DIRECTORY', directory));
      return [...placed, '-f', join(directory, 'Kubefile'), '-t', 'localhost/made:1', join(directory, 'context')];
    };
    await work([
      async (kubefile, ...flags) => {
        await ours(...(await argumentsFor(kubefile, flags)));
        return read(`oci:${store}:localhost/made:1`);
      },
      async (kubefile, ...flags) => {
        await theirs(...(await argumentsFor(kubefile, flags)));
        await buildah('push', '-q', 'localhost/made:1', `oci:${directory}/theirs:made`);
        try {
          return await read(`oci:${directory}/theirs:made`);
        } finally {
          await rm(join(directory, 'theirs'), { recursive: true });
        }
      },
    ]);
  });
}

const CASES: readonly (readonly [name: string, kubefile: string, ...flags: string[]])[] = [
  ['--from replaces the first FROM', 'FROM localhost/absent:1\nCOPY a .\n', '--from', 'localhost/base:1'],
  [
    '--from leaves later stages alone',
    'FROM localhost/absent:1 AS x\nFROM localhost/other:1\nCOPY --from=x /which /first\n',
    '--from=localhost/base:1',
  ],
  ['a directory by name', 'FROM scratch\nCOPY --from=beside a .\nCOPY a b\n', '--build-context', 'beside=DIRECTORY/beside'],
  ['an image by name', 'FROM scratch\nCOPY --from=x /which .\n', '--build-context', 'x=docker-image://localhost/other:1'],
  ['an image for FROM', 'FROM x\nCOPY a .\n', '--build-context', 'x=docker-image://localhost/other:1'],
  [
    'a name before a stage of that name',
    'FROM localhost/base:1 AS x\nFROM scratch\nCOPY --from=x /a .\n',
    '--build-context',
    'x=DIRECTORY/beside',
  ],
  ['a variable that is not kept', 'FROM localhost/base:1\nENV C=$A\n', '--unsetenv', 'A', '--unsetenv', 'ABSENT'],
];

test(`${CASES.length} builds with named bases and places are what buildah makes of them`, () =>
  withBuilders(async ([ours, theirs]) => {
    assert.ok(ours && theirs);
    for (const [name, ...build] of CASES) assert.deepEqual(await ours(...build), await theirs(...build), name);
  }));

test('a label that is not kept', () =>
  withBuilders(async ([ours]) => {
    assert.ok(ours);
    const made = await ours(
      'FROM localhost/base:1\nCOPY --from=beside a .\n',
      '--unsetlabel',
      'a',
      '--build-context',
      'beside=DIRECTORY/beside',
    );
    assert.deepEqual(made, {
      files: '==> ./a <==\nof the other directory\n==> ./which <==\nbase',
      env: ['A=base', 'B=base', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      labels: { b: 'base' },
    });
  }));

test('what is no place, and a directory where an image has to be, are refused', () =>
  withDirectoryInMemory(async (directory) => {
    await writeFile(join(directory, 'Kubefile'), 'FROM x\n');
    for (const [flag, says] of [
      ['x=https://example.org/x.tar', /--build-context 'x=https:.*\n.*fetch what is there into a directory/],
      ['x', /is not NAME=DIRECTORY or NAME=docker:\/\/IMAGE/],
      [`x=${directory}/absent`, /there is no directory/],
      ['x=docker://Not/An/Image', /is not an image name/],
      [`x=${directory}`, /Kubefile:1: FROM x: --build-context calls a directory so/],
    ] as const) {
      const { status, stderr } = await runSealos(directory, 'build', '--build-context', flag, directory);
      assert.match(stderr, says);
      assert.equal(status, 2, stderr);
    }
  }));
