// What `npm run build -- --release` makes: archives, checksums, the manual, and completions in the shells themselves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { ownArchitecture } from '../../scripts/build-release-node.ts';
import { ensureInstalled } from '../../scripts/debian.ts';
import { run } from '../support/programs.ts';

ensureInstalled(['man-db', 'mandoc', 'groff', 'zsh', 'fish', 'file']);

const root = dirname(dirname(import.meta.dirname));
const work = mkdtempSync(join(tmpdir(), 'sealos-release-'));
const unpacked = join(work, 'unpacked');
let archive: string;

const build = (...args: readonly string[]) =>
  run(process.execPath, [join(root, 'scripts', 'build-release.ts'), '--arch', ownArchitecture, '--out', join(work, 'dist'), ...args], {
    SOURCE_DATE_EPOCH: '1700000000',
  });

before(async () => {
  const output = await build('--release');
  archive = /^(\S+\.tar\.gz) /m.exec(output)?.[1] ?? '';
  mkdirSync(unpacked);
  await run('tar', ['-xzf', archive, '-C', unpacked]);
});

after(() => rmSync(work, { recursive: true, force: true }));

test('the archive is named and laid out as install scripts expect it', async () => {
  assert.match(archive, new RegExp(`/sealos_\\d+\\.\\d+\\.\\d+_linux_${ownArchitecture}\\.tar\\.gz$`));
  assert.deepEqual((await run('tar', ['-tzf', archive])).trim().split('\n'), [
    'sealos',
    'LICENSE',
    'THIRD-PARTY-NOTICES',
    'README.md',
    'completions/sealos.bash',
    'completions/sealos.zsh',
    'completions/sealos.fish',
    'man/sealos.1',
  ]);
  assert.match(await run(join(unpacked, 'sealos'), ['version']), /^sealos v\d/);
  assert.match(await run('tar', ['-tvzf', archive]), /^-rwxr-xr-x 0\/0 .* 2023-11-14 .* sealos$/m);
  const notices = readFileSync(join(unpacked, 'THIRD-PARTY-NOTICES'), 'utf8');
  for (const name of ['Node.js', 'commander', 'ssh2', 'undici', 'yaml'])
    assert.match(notices, new RegExp(`^${name.replace('.', '\\.')}( |$)`, 'm'));
});

test('sha256sum finds the checksums right', async () => {
  const checked = spawnSync('sha256sum', ['-c', 'checksums.txt'], { cwd: join(work, 'dist'), encoding: 'utf8' });
  assert.equal(checked.status, 0, checked.stdout);
});

test('building again changes nothing, and a lost file is made again with the same bytes', async () => {
  const program = join(work, 'dist', `sealos-linux-${ownArchitecture}`);
  const before = { changed: statSync(program).mtimeMs, sums: readFileSync(join(work, 'dist', 'checksums.txt'), 'utf8') };
  assert.match(await build(), /unchanged/);
  assert.equal(statSync(program).mtimeMs, before.changed);
  // From nothing, in a cache of its own: not a copy of what is cached.
  rmSync(join(work, 'dist'), { recursive: true });
  await run(
    process.execPath,
    [join(root, 'scripts', 'build-release.ts'), '--arch', ownArchitecture, '--out', join(work, 'dist'), '--release'],
    { SOURCE_DATE_EPOCH: '1700000000', XDG_CACHE_HOME: join(work, 'cache') },
  );
  assert.equal(readFileSync(join(work, 'dist', 'checksums.txt'), 'utf8'), before.sums);
});

test('man and mandoc have nothing to say against the manual, and it has every command', async () => {
  const page = join(unpacked, 'man', 'sealos.1');
  const formatted = spawnSync('man', ['--warnings', '-E', 'UTF-8', '-Tutf8', '-l', page], {
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '100' },
  });
  assert.equal(formatted.status, 0);
  assert.equal(formatted.stderr, '');
  assert.equal((await run('mandoc', ['-T', 'lint', '-W', 'warning', page])).trim(), '');
  const plain = formatted.stdout.replaceAll(/\x1b\[[0-9;]*m|.\x08/g, '');
  const help = await run(join(unpacked, 'sealos'), ['--help']);
  for (const [, name] of help.matchAll(/^ {2}([a-z]+)(?:\|\w+)* {2,}/gm))
    if (name !== 'help') assert.match(plain, new RegExp(`^ +sealos ${name}\\b`, 'm'));
});

/** Clusters for the completion of names, and files. */
function home(): string {
  const directory = join(work, 'home');
  for (const name of ['default', 'staging']) {
    mkdirSync(join(directory, '.sealos', name), { recursive: true });
    writeFileSync(join(directory, '.sealos', name, 'Clusterfile'), '');
  }
  writeFileSync(join(directory, 'archive.tar'), '');
  return directory;
}

/** What a shell offers for a line that ends where the cursor is. */
type Offers = (line: string) => Promise<readonly string[]>;

const words = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split('\t')[0] ?? '')
    .sort();

const inShell: Readonly<Record<'bash' | 'zsh' | 'fish', Offers>> = {
  bash: async (line) => {
    const program = `source "$1"; cd "$HOME"; COMP_WORDS=($2); [[ $2 == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _sealos; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return words(
      await run('bash', ['--norc', '-c', program, 'bash', join(unpacked, 'completions', 'sealos.bash'), line], { HOME: home() }),
    );
  },
  // The completion system only works with a terminal; the functions that take the offers are replaced by ones that print them.
  zsh: async (line) => {
    const program = `compdef() { :; }; _files() { print -l -- *; }; _message() { :; }
compadd() { [[ $1 == -- ]] && shift; local word; for word in "$@"; do [[ $word == $PREFIX* ]] && print -r -- $word; done; return 0; }
_describe() { local word; for word in "\${(@P)2}"; do word=\${word%%:*}; [[ $word == $PREFIX* ]] && print -r -- $word; done; return 0; }
cd $HOME; source "$1"; words=(\${=2}); [[ $2 == *' ' ]] && words+=(''); CURRENT=\${#words}; PREFIX=$words[CURRENT]; _sealos`;
    return words(await run('zsh', ['-f', '-c', program, 'zsh', join(unpacked, 'completions', 'sealos.zsh'), line], { HOME: home() }));
  },
  fish: async (line) => {
    const program = `cd $HOME; source $argv[1]; complete -C $argv[2]`;
    return words(await run('fish', ['--no-config', '-c', program, join(unpacked, 'completions', 'sealos.fish'), line], { HOME: home() }));
  },
};

for (const [shell, offers] of Object.entries(inShell)) {
  test(`${shell} completes commands, flags, their values, clusters and files`, async () => {
    assert.deepEqual(await offers('sealos pu'), ['pull', 'push']);
    assert.ok((await offers('sealos ')).includes('run'));
    assert.deepEqual(await offers('sealos etcd ba'), ['backup']);
    assert.ok((await offers('sealos run --mas')).includes('--masters'));
    assert.deepEqual(await offers('sealos version --output '), ['json', 'yaml']);
    assert.deepEqual(await offers('sealos completion '), ['bash', 'fish', 'zsh']);
    assert.deepEqual(await offers('sealos reset --cluster st'), ['staging']);
    assert.deepEqual(await offers('sealos reset --cluster staging --for'), await offers('sealos reset --for'), 'a value is no command');
    assert.ok((await offers('sealos load -i ')).includes('archive.tar'));
    assert.ok((await offers('sealos bud --ta')).length > 0, 'an alias has the flags of its command');
  });
}

test('no shell finds fault with its script', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) await run(shell, ['-n', join(unpacked, 'completions', `sealos.${shell}`)]);
});
