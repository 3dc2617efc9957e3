// The single executable does what `./sealos` does, with nothing of the project beside it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { ExecutableFile } from '../../packages/runtime/src/run/own-executable.ts';
import { buildExecutable } from '../../scripts/build-release-executable.ts';
import { withoutLibatomic } from '../../scripts/build-release-libatomic.ts';
import { nodePackage, ownArchitecture } from '../../scripts/build-release-node.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';
import { executableIn } from '../support/executable.ts';

const work = mkdtempSync(join(tmpdir(), 'sealos-executable-'));
let program: string;

before(async () => {
  program = await executableIn(work);
});

after(() => rmSync(work, { recursive: true, force: true }));

interface Call {
  readonly store?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The exit status that is expected. */
  readonly status?: number;
}

function sealos(
  args: readonly string[],
  { store = 'store', env = {}, status = 0 }: Call = {},
): { readonly stdout: string; readonly stderr: string } {
  const result = spawnSync(program, args, {
    cwd: work,
    encoding: 'utf8',
    // No NODE_ variables, no PATH to any Node: a home of its own.
    env: {
      PATH: '/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: work,
      SEALOS_STORAGE: join(work, store),
      SEALOS_RUNTIME_ROOT: join(work, 'state'),
      ...env,
    },
  });
  assert.equal(result.status, status, `sealos ${args.join(' ')}: ${result.stderr}`);
  return result;
}

function digestOf(name: string, store: string): string {
  const images: readonly { readonly name: string; readonly digest: string }[] = JSON.parse(
    sealos(['images', '-o', 'json'], { store }).stdout,
  );
  const found = images.find((image) => image.name === name);
  assert.ok(found, `${name} is in ${store}`);
  return found.digest;
}

test('it says what it is, and every command is in it', () => {
  assert.match(sealos(['version']).stdout, /^sealos v\d+\.\d+\.\d+ \(.*Node v\d+\.\d+\.\d+, linux\//);
  const names = [...sealos(['--help']).stdout.matchAll(/^ {2}([a-z]+)(?:\|\w+)* /gm)].map(([, name]) => name ?? '');
  assert.ok(names.length > 20);
  for (const name of names.filter((name) => name !== 'help'))
    assert.match(sealos([name, '--help']).stdout, new RegExp(`^Usage: sealos ${name}`));
});

test('an image that it built goes through a registry and an archive unchanged', async () => {
  await using registry = await startDockerRegistry();
  const context = join(work, 'context');
  mkdirSync(context);
  writeFileSync(
    join(context, 'Kubefile'),
    'FROM scratch\nLABEL sealos.io.type=application\nENV greeting=hello\nCOPY file etc/file.tmpl\nCMD ["cat etc/file"]\n',
  );
  writeFileSync(join(context, 'file'), '{{ .greeting | upper }}\n');
  const name = `${registry.address}/library/app:v1`;
  sealos(['build', '-t', name, context]);
  sealos(['push', name]);
  sealos(['pull', name], { store: 'pulled' });
  sealos(['save', '-o', join(work, 'app.tar'), name], { store: 'pulled' });
  sealos(['load', '-i', join(work, 'app.tar')], { store: 'loaded' });
  assert.equal(digestOf(name, 'loaded'), digestOf(name, 'store'));
  assert.match(sealos(['inspect', '-o', 'json', name], { store: 'loaded' }).stdout, /greeting=hello/);
  sealos(['rmi', name], { store: 'loaded' });
  assert.equal(sealos(['images', '-o', 'json'], { store: 'loaded' }).stdout.trim(), '[]');
});

test('it runs under another name and through a link, and fails with the same messages and statuses', () => {
  symlinkSync(program, join(work, 'linked'));
  assert.equal(spawnSync(join(work, 'linked'), ['version', '--short'], { encoding: 'utf8' }).stdout, sealos(['version', '--short']).stdout);
  assert.match(sealos(['images', '--nonsense'], { status: 2 }).stderr, /^sealos: unknown option '--nonsense'/);
  assert.match(sealos(['exec', 'true'], { status: 2 }).stderr, /there is no cluster 'default'/);
  assert.match(sealos(['run', 'nowhere.invalid/x:1', '--dry-run', '--masters', '256.1.1.1'], { status: 2 }).stderr, /256\.1\.1\.1/);
});

test("Node's own flags and variables of the caller do not reach it", () => {
  assert.match(sealos(['version'], { env: { NODE_OPTIONS: '--no-such-flag' } }).stdout, /^sealos v/);
  assert.match(sealos(['version'], { env: { NODE_OPTIONS: `--require ${join(work, 'missing.cjs')}` } }).stdout, /^sealos v/);
  assert.match(sealos(['--eval', 'console.log(1)'], { status: 2 }).stderr, /unknown option/);
});

test('it leaves no file behind where it merely answers', () => {
  const home = join(work, 'home');
  mkdirSync(home);
  sealos(['version'], { env: { HOME: home } });
  sealos(['completion', 'bash'], { env: { HOME: home } });
  assert.deepEqual(readdirSync(home), []);
});

test('no file of the project is in it by its path, and no library beyond the C and C++ ones is needed', () => {
  const content = readFileSync(program);
  assert.equal(content.indexOf(process.cwd()), -1);
  assert.equal(content.indexOf(work), -1);
  const libraries = spawnSync('ldd', [program], { encoding: 'utf8' }).stdout;
  assert.match(libraries, /libstdc\+\+\.so\.6/);
  assert.doesNotMatch(libraries, /libatomic/);
});

test('a Node that takes something unknown from libatomic is refused when it is built', () => {
  const node = readFileSync(join(nodePackage(ownArchitecture), 'bin', 'node'));
  const symbol = node.indexOf('\0__atomic_compare_exchange\0');
  assert.ok(symbol > 0);
  node.write('__atomic_fetch_something_', symbol + 1, 'latin1');
  assert.throws(() => withoutLibatomic(node, ownArchitecture), /Node takes __atomic_fetch_something_ from libatomic\.so\.1/);
});

test('an executable finds itself for hosts of its architecture, and the file beside it for others', async () => {
  const { path } = await buildExecutable({
    entry: 'test/support/executable-finder.ts',
    name: 'executable-finder',
    architecture: ownArchitecture,
  });
  const directory = join(work, 'finder');
  mkdirSync(directory);
  const finder = join(directory, 'finder');
  copyFileSync(path, finder);
  const find = (): Readonly<Record<string, ExecutableFile>> =>
    JSON.parse(spawnSync(finder, ['amd64', 'arm64', 'riscv64'], { encoding: 'utf8', cwd: '/' }).stdout);
  const sum = createHash('sha256').update(readFileSync(finder)).digest('hex');
  const own = { path: '/proc/self/exe', size: statSync(finder).size, sha256: sum };
  assert.deepEqual(find(), { [ownArchitecture]: own });

  const other = ownArchitecture === 'amd64' ? 'arm64' : 'amd64';
  const beside = join(directory, `sealos-linux-${other}`);
  copyFileSync(finder, beside);
  assert.deepEqual(find(), { [ownArchitecture]: own }, 'a file for another architecture than its name says is not taken');
  copyFileSync(join(nodePackage(other), 'bin', 'node'), beside);
  const found = find()[other];
  assert.equal(found?.path, beside);
  assert.equal(found?.size, statSync(beside).size);
});

test('it is ready soon after Node itself is', (t) => {
  const node = join(nodePackage(ownArchitecture), 'bin', 'node');
  const timeOf = (command: string, ...args: readonly string[]): number => {
    const start = performance.now();
    assert.equal(spawnSync(command, args, { stdio: 'ignore' }).status, 0);
    return performance.now() - start;
  };
  const [bare, own]: [number[], number[]] = [[], []];
  for (let i = 0; i < 15; i++) {
    bare.push(timeOf(node, '-e', '0'));
    own.push(timeOf(program, 'version'));
  }
  const [least, leastOwn] = [Math.min(...bare), Math.min(...own)];
  t.diagnostic(`sealos version: ${leastOwn.toFixed(0)} ms; node -e 0: ${least.toFixed(0)} ms; ratio ${(leastOwn / least).toFixed(2)}`);
  // 1.5 on an idle machine; without V8's code cache it is above 4.
  assert.ok(leastOwn < least * 4);
});

test('the other architecture has the same commands, and needs no libatomic there', async (t) => {
  if (ownArchitecture !== 'amd64') return t.skip('this machine is arm64 itself');
  ensureInstalled(['qemu-user-static', 'libc6-arm64-cross', 'libstdc++6-arm64-cross', 'libgcc-s1-arm64-cross']);
  const other = await executableIn(work, 'arm64');
  const system = join(work, 'arm64-system');
  mkdirSync(join(system, 'lib'), { recursive: true });
  const libraries = '/usr/aarch64-linux-gnu/lib';
  for (const file of readdirSync(libraries).filter((name) => /\.so(\.|$)/.test(name) && !name.startsWith('libatomic')))
    symlinkSync(join(libraries, file), join(system, 'lib', file));
  const run = (...args: readonly string[]) => {
    const result = spawnSync('qemu-aarch64-static', ['-L', system, other, ...args], {
      encoding: 'utf8',
      env: { HOME: work, SEALOS_STORAGE: join(work, 'store') },
    });
    assert.equal(result.status, 0, result.stderr);
    return result.stdout;
  };
  assert.match(run('version'), /linux\/arm64/);
  assert.equal(run('--help'), sealos(['--help']).stdout);
  assert.match(run('images'), /library\/app/);
});
