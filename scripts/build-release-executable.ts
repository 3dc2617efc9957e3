// One self-contained executable: a TypeScript entry and all it imports in one script, inside a Node binary (Node's single-executable application).
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { withoutLibatomic } from './build-release-libatomic.ts';
import { type Architecture, loadablePart, nodePackage, nodeVersion, ownArchitecture } from './build-release-node.ts';
import { cacheRoot } from './debian.ts';

const root = dirname(import.meta.dirname);

export interface ExecutableRequest {
  /** The TypeScript file that is run, relative to the project. It must not use top-level `await`: the bundle is CommonJS. */
  readonly entry: string;
  /** `sealos`: how the program is called. */
  readonly name: string;
  readonly architecture: Architecture;
  /** Flags of Node that the program always runs with. */
  readonly nodeFlags?: readonly string[];
  /** Names in the source that stand for these texts. */
  readonly define?: Readonly<Record<string, string>>;
}

export interface Bundle {
  readonly script: Uint8Array;
  /** Directories of the npm packages that are in it, relative to the project. */
  readonly packages: readonly string[];
}

/**
 * An entry and everything it imports as one CommonJS script: V8 loads that from its code cache without reading it, four times as fast as an
 * ES module. Names are kept, so that a stack says something. ssh2's add-ons are left out; it runs without them.
 */
export async function bundle({ entry, define = {} }: Pick<ExecutableRequest, 'entry' | 'define'>): Promise<Bundle> {
  const result = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    bundle: true,
    write: false,
    metafile: true,
    platform: 'node',
    format: 'cjs',
    target: `node${nodeVersion}`,
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    external: ['cpu-features', '*.node'],
    define: Object.fromEntries(Object.entries(define).map(([name, text]) => [name, JSON.stringify(text)])),
    logLevel: 'silent',
  });
  const [output] = result.outputFiles;
  if (output === undefined) throw new Error(`esbuild made nothing of ${entry}`);
  const problem = result.warnings[0];
  if (problem) throw new Error(`${problem.location?.file}:${problem.location?.line}: ${problem.text}`);
  const packages = Object.keys(result.metafile.inputs).flatMap((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? []);
  return { script: output.contents, packages: [...new Set(packages)].sort() };
}

/** Executables that the cache holds of each name and architecture; the longest unused go. */
const KEPT = 4;

/**
 * Builds an executable and returns its path in the cache; one that was built of the same input before is not built again. With `useCodeCache`
 * only on the architecture it is for: the cache is V8's own code.
 */
export async function buildExecutable(request: ExecutableRequest): Promise<{ readonly path: string; readonly hash: string }> {
  const { name, architecture, nodeFlags = [] } = request;
  const { script } = await bundle(request);
  const settings = {
    mainFormat: 'commonjs',
    disableExperimentalSEAWarning: true,
    useCodeCache: architecture === ownArchitecture,
    execArgv: nodeFlags,
    // NODE_OPTIONS of whoever calls is not meant for this program.
    execArgvExtension: 'none',
  };
  const input = JSON.stringify({ nodeVersion, architecture, settings, form: 3 });
  const hash = createHash('sha256').update(input).update(script).digest('hex');
  const cache = join(cacheRoot, 'executables');
  const prefix = `${name}-linux-${architecture}-`;
  const path = join(cache, `${prefix}${hash.slice(0, 16)}`);
  if (!existsSync(path)) {
    mkdirSync(cache, { recursive: true });
    const work = mkdtempSync(join(cache, '.new-'));
    try {
      writeFileSync(join(work, `${name}.js`), script);
      writeFileSync(join(work, 'node'), await loadablePart(join(nodePackage(architecture), 'bin', 'node')), { mode: 0o755 });
      writeFileSync(join(work, 'sea.json'), JSON.stringify({ main: `${name}.js`, executable: 'node', output: name, ...settings }));
      // Relative names, so that no directory of this machine is in the result; V8's code cache is laid out by a random seed.
      const node = join(nodePackage(ownArchitecture), 'bin', 'node');
      const made = spawnSync(node, ['--random-seed=1', '--build-sea', 'sea.json'], {
        cwd: work,
        encoding: 'utf8',
        env: { PATH: process.env['PATH'] },
      });
      if (made.status !== 0) throw new Error(`node --build-sea failed for ${name}:\n${made.stdout}${made.stderr}${made.error ?? ''}`);
      const executable = readFileSync(join(work, name));
      withoutLibatomic(executable, architecture);
      writeFileSync(join(work, name), executable);
      renameSync(join(work, name), path);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  utimesSync(path, new Date(), new Date());
  forgetOldest(cache, prefix);
  return { path, hash };
}

function forgetOldest(cache: string, prefix: string): void {
  const files = readdirSync(cache).filter((file) => file.startsWith(prefix));
  const aged = files.map((file) => ({
    path: join(cache, file),
    used: statSync(join(cache, file), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  }));
  for (const { path } of aged.sort((a, b) => b.used - a.used).slice(KEPT)) rmSync(path, { force: true });
}
