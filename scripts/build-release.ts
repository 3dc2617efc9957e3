// `npm run build`: the executables for every architecture in dist/; with --release also the archives that are published.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../packages/cli/src/product.ts';
import { writeArchives } from './build-release-archive.ts';
import { buildExecutable } from './build-release-executable.ts';
import { type Architecture, architectures } from './build-release-node.ts';

const root = dirname(import.meta.dirname);

interface Program {
  readonly name: string;
  readonly entry: string;
  readonly nodeFlags: readonly string[];
}

/** The programs that are released; each has an entry that runs from source as well. */
const programs: readonly Program[] = [
  { name: 'sealos', entry: 'packages/cli/src/main.ts', nodeFlags: ['--disable-warning=ExperimentalWarning'] },
  { name: 'lvscare', entry: 'packages/lvscare/src/main.ts', nodeFlags: ['--disable-warning=ExperimentalWarning'] },
];

function git(...args: readonly string[]): string | undefined {
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** The commit that is built, marked where the checkout differs from it; undefined outside of a git checkout. */
function commitOfCheckout(): string | undefined {
  const commit = git('rev-parse', '--short=12', 'HEAD');
  if (commit === undefined) return undefined;
  return git('status', '--porcelain', '--untracked-files=no', 'packages', 'scripts', 'pnpm-lock.yaml') === '' ? commit : `${commit}-dirty`;
}

/** Copies an executable to its place, so that nobody ever finds a half of one there; false where it is there already. */
async function place(from: { readonly path: string; readonly hash: string }, to: string): Promise<boolean> {
  const stamp = join(dirname(to), `.${to.slice(dirname(to).length + 1)}.input`);
  const [known, there, wanted] = await Promise.all([
    readFile(stamp, 'utf8').catch(() => ''),
    stat(to).catch(() => undefined),
    stat(from.path),
  ]);
  if (known === from.hash && there?.size === wanted.size) return false;
  const draft = `${to}.${process.pid}.tmp`;
  try {
    await rm(stamp, { force: true });
    await copyFile(from.path, draft);
    await chmod(draft, 0o755);
    await using file = await open(draft, 'r');
    await file.sync();
    await rename(draft, to);
  } finally {
    await rm(draft, { force: true });
  }
  await writeFile(stamp, from.hash);
  return true;
}

const { values } = parseArgs({
  options: {
    release: { type: 'boolean', default: false },
    arch: { type: 'string', default: architectures.join(',') },
    out: { type: 'string', default: join(root, 'dist') },
  },
});

const wanted = values.arch.split(',').map((name): Architecture => {
  const known = architectures.find((architecture) => architecture === name);
  if (known === undefined) throw new Error(`--arch ${name}: there is ${architectures.join(' and ')}`);
  return known;
});
const commit = commitOfCheckout();
const define = commit === undefined ? {} : { SEALOS_COMMIT: commit };

await mkdir(values.out, { recursive: true });
for (const program of programs.filter(({ entry }) => existsSync(join(root, entry)))) {
  for (const architecture of wanted) {
    const path = join(values.out, `${program.name}-linux-${architecture}`);
    const isNew = await place(await buildExecutable({ ...program, architecture, define }), path);
    const { size } = await stat(path);
    console.log(`${path}  ${(size / 2 ** 20).toFixed(1)} MiB${isNew ? '' : '  (unchanged)'}`);
  }
}
if (values.release) {
  for (const line of await writeArchives({ directory: values.out, version, architectures: wanted })) console.log(line);
}
