import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type AptSource, chooseMirror, type Mirror, parseDeb822, parseOsRelease, parseSourcesList } from './apt-sources.ts';
import { BASE_FILES, BASE_PACKAGES, FINISH_SCRIPT } from './base-recipe.ts';
import { runCommand, tryCommand } from './command.ts';
import { badInput, LabError } from './error.ts';
import type { OnLabEvent } from './event.ts';
import { acquireLock } from './lock.ts';
import { removeTree } from './remove-tree.ts';

const PREFIX = 'base-';
const DRAFT = '.new-base-';

export interface BaseOptions {
  /** Debian packages beyond those every host has. */
  readonly packages: readonly string[];
  readonly onEvent: OnLabEvent;
  readonly signal: AbortSignal;
}

/**
 * The directory of the base system from which hosts are copied; made with debootstrap when it is not in the cache yet (about 40 s), under a
 * temporary name until it is whole. Throws `no-apt-source`, `bad-package`, `base-failed`.
 */
export async function ensureBase(directory: string, options: BaseOptions): Promise<string> {
  const wrong = options.packages.find((name) => !/^[a-z0-9][a-z0-9+.-]+$/.test(name));
  if (wrong !== undefined) throw badInput('bad-package', `'${wrong}' is not the name of a Debian package`);
  const mirror = await findMirror();
  const packages = [...new Set([...BASE_PACKAGES, ...options.packages])];
  const path = join(directory, `${PREFIX}${hashOf({ mirror, packages, BASE_FILES, FINISH_SCRIPT, arch: process.arch })}`);
  if (await exists(path)) return path;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await using _ = await acquireLock(`base ${directory}`, options.signal);
  if (await exists(path)) return path;
  await removeDrafts(directory);
  options.onEvent({ kind: 'base', phase: 'building', path });
  const draft = await mkdtemp(join(directory, DRAFT));
  try {
    await buildBase(join(draft, 'root'), mirror, packages, options);
    await rename(join(draft, 'root'), path);
  } finally {
    await removeTree(draft);
  }
  options.onEvent({ kind: 'base', phase: 'ready', path });
  return path;
}

/** Removes every cached base system and what a crash left of one being made. */
export async function removeBases(directory: string, signal: AbortSignal): Promise<void> {
  await using _ = await acquireLock(`base ${directory}`, signal);
  await removeDrafts(directory);
  for (const name of await names(directory)) if (name.startsWith(PREFIX)) await removeTree(join(directory, name));
}

async function removeDrafts(directory: string): Promise<void> {
  for (const name of await names(directory)) if (name.startsWith(DRAFT)) await removeTree(join(directory, name));
}

async function buildBase(root: string, mirror: Mirror, packages: readonly string[], options: BaseOptions): Promise<void> {
  const { signal, onEvent } = options;
  const env = await proxyEnvironment(signal);
  // A mount and pid namespace of its own: what debootstrap mounts and starts in the new tree ends with it, whatever happens.
  const contained = ['unshare', '--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child=KILL', '--'];
  const bootstrap = [
    ...['debootstrap', '--variant=minbase', `--components=${mirror.components.join(',')}`, `--include=${packages.join(',')}`],
    ...[mirror.suite, root, mirror.uri],
  ];
  const result = await tryCommand([...contained, ...bootstrap], {
    signal,
    env,
    onLine: (line) => onEvent({ kind: 'output', line }),
  });
  if (result.status !== 0) {
    throw new LabError(
      'base-failed',
      `debootstrap ${mirror.suite} from ${mirror.uri} failed (exit status ${result.status}): ${result.tail}`,
      {
        hint: "the base system of the hosts comes from this machine's apt mirror: look whether apt-get update works",
      },
    );
  }
  for (const { path, mode, content } of BASE_FILES) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await rm(join(root, path), { force: true }); // never through a link, which would lead out of the new tree
    await writeFile(join(root, path), content, { mode });
    await chmod(join(root, path), mode); // the umask had a say in the mode above
  }
  await runCommand(['chroot', root, '/bin/sh', '-ec', FINISH_SCRIPT], { signal, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
}

/** debootstrap fetches with wget, which does not know of the proxy that apt is told to use. */
async function proxyEnvironment(signal: AbortSignal): Promise<NodeJS.ProcessEnv> {
  const env: NodeJS.ProcessEnv = { DEBIAN_FRONTEND: 'noninteractive' };
  const dump = await tryCommand(['apt-config', 'shell', 'http', 'Acquire::http::Proxy', 'https', 'Acquire::https::Proxy'], { signal });
  for (const [, scheme, value] of dump.stdout.matchAll(/^(https?)='([^']+)'$/gm)) {
    if (scheme !== undefined && value !== undefined && value !== 'DIRECT') env[`${scheme}_proxy`] = value;
  }
  return env;
}

async function findMirror(): Promise<Mirror> {
  const distribution = parseOsRelease(await readFile('/etc/os-release', 'utf8').catch(() => ''));
  const mirror = chooseMirror(distribution, await readAptSources('/etc/apt'));
  if (mirror) return mirror;
  throw new LabError('no-apt-source', 'no Debian or Ubuntu mirror is among the apt sources of this machine (/etc/apt)', {
    exitCode: 2,
    hint: 'hosts are made from the same mirror that this machine installs from: add it to /etc/apt/sources.list',
  });
}

async function readAptSources(directory: string): Promise<readonly AptSource[]> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '');
  const sources = [...parseSourcesList(await read(join(directory, 'sources.list')))];
  for (const name of (await names(join(directory, 'sources.list.d'))).sort()) {
    const text = await read(join(directory, 'sources.list.d', name));
    if (name.endsWith('.sources')) sources.push(...parseDeb822(text));
    if (name.endsWith('.list')) sources.push(...parseSourcesList(text));
  }
  return sources;
}

function hashOf(inputs: unknown): string {
  return createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 16);
}

async function names(directory: string): Promise<string[]> {
  return await readdir(directory).catch(() => []);
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
