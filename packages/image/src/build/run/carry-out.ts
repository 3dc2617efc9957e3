import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { SealosError } from '../../error.ts';
import type { Image } from '../../image.ts';
import { PROXY_ARGUMENTS } from '../../kubefile/arguments.ts';
import type { BuildStep, RunStep } from '../../kubefile/build-step.ts';
import { stageLayer } from '../../layer.ts';
import type { Platform } from '../../manifest.ts';
import { formatPlatform, hostPlatform } from '../../platform.ts';
import type { Store } from '../../store.ts';
import type { TarEntry } from '../../tar.ts';
import { tarParts } from '../../tar-write.ts';
import type { BuildOptions } from '../build-options.ts';
import type { BuiltLayer } from '../image-document.ts';
import type { ImageFiles } from '../image-files.ts';
import { buildDirectory, cacheKey, recall, remember } from '../layer-cache.ts';
import type { OwnerNames } from '../owner-names.ts';
import type { Refuse } from '../plan-copy.ts';
import { chainOf, dressLike, keepDiff, lowersOf } from '../roots.ts';
import type { Context } from '../source.ts';
import { shortened } from '../write-layers.ts';
import { changeEntries } from './change-entries.ts';
import { type FoundMount, findMounts, prepareMounts } from './prepare-mounts.ts';
import { runUser } from './run-user.ts';
import { runSandbox, whyNoSandbox } from './sandbox.ts';
import { sandboxScript } from './sandbox-script.ts';

export interface RunContext {
  readonly store: Store;
  /** The step's place in its stage. */
  readonly index: number;
  /** The image as it is so far; all of it is in the store. */
  readonly image: Image;
  /** How many of its layers were not built here. */
  readonly foreignLayers: number;
  readonly platform: Platform;
  /** Later times become this one, seconds since 1970. */
  readonly latest: number | undefined;
  readonly context: Context;
  /** The image's paths so far. */
  readonly files: ImageFiles;
  readonly owners: () => Promise<OwnerNames>;
  /** The tree of a stage, an image or another directory, for mounts. */
  readonly contextOf: (name: string) => Promise<Context>;
  readonly refuse: Refuse;
  readonly options: BuildOptions;
}

/**
 * Carries out a RUN in an isolated root made of the image so far, and makes a layer of what it changed; undefined when it changed nothing.
 * One that an earlier build carried out on the same image is not carried out again. Throws `run-failed` with the last lines of its
 * output, `no-isolation`, `bad-kubefile`.
 */
export async function carryOutRun(step: BuildStep & RunStep, context: RunContext): Promise<BuiltLayer | undefined> {
  const { store, options, image } = context;
  const mounts = await findMounts(step.mounts, context);
  const key = keyOf(step, mounts, context);
  const id = `layer-${context.index}`;
  const title = shortened(step.text);
  const known = options.noCache ? undefined : await recall(store, key);
  if (known !== undefined) {
    options.onEvent?.({ kind: 'skip', id, title, why: 'unchanged' });
    return known.layer === undefined
      ? undefined
      : { ...known.layer, step: context.index, text: step.text, newest: known.newest, isCached: true };
  }
  const why = whyNoSandbox() ?? whyForeign(context.platform);
  if (why !== undefined) throw context.refuse(`${shortened(step.text)}: ${why}`, 'COPY what is prepared beforehand instead');
  options.onEvent?.({ kind: 'start', id, title });
  const lease = await store.lease();
  const directory = join(lease.path, `${lease.next()}.run`);
  try {
    const upper = await runIn(directory, step, mounts, context);
    const layer = await changeLayer(upper, step, context);
    if (layer === undefined) await remember(store, key, { layer: undefined, newest: 0 });
    else {
      await remember(store, key, { layer, newest: layer.newest });
      const layers = [...image.layers, layer.descriptor];
      const diff_ids = [...image.config.rootfs.diff_ids, layer.diffId];
      await keepDiff(store, { ...image, layers, config: { ...image.config, rootfs: { type: 'layers', diff_ids } } }, upper);
    }
    options.onEvent?.({ kind: 'done', id });
    return layer;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function keyOf(step: RunStep, mounts: readonly FoundMount[], { image, platform, latest, options }: RunContext): string {
  const { argv, program, env, user, workdir } = step;
  const seen = mounts.map(({ spec, identity }) => [spec, identity]);
  const command = [argv, program ?? null, env, user, workdir, networkOf(step, options), seen];
  return cacheKey('run', chainOf(image), formatPlatform(platform), command, options.compression ?? 'zstd', latest ?? null);
}

function networkOf(step: RunStep, options: BuildOptions): 'host' | 'none' {
  return step.network === 'default' ? (options.network ?? 'host') : step.network;
}

// As the kernel's binfmt_misc and qemu-user name them.
const INTERPRETERS: Readonly<Record<string, string>> = { amd64: 'x86_64', arm64: 'aarch64', '386': 'i386' };

function whyForeign({ architecture }: Platform): string | undefined {
  if (architecture === hostPlatform().architecture) return undefined;
  const name = INTERPRETERS[architecture] ?? architecture;
  if (existsSync(`/proc/sys/fs/binfmt_misc/qemu-${name}`)) return undefined;
  return `this machine cannot run programs for ${architecture} (binfmt_misc has no qemu-${name})`;
}

/** Runs the command; returns the directory with what it changed. */
async function runIn(directory: string, step: BuildStep & RunStep, found: readonly FoundMount[], context: RunContext): Promise<string> {
  const { store, image, options, files } = context;
  const roots = buildDirectory(store, 'roots');
  await mkdir(roots, { recursive: true });
  const lowers = await lowersOf(store, image, context.foreignLayers, options);
  const at = (name: string) => join(directory, name);
  for (const name of ['upper', 'work', 'merged', 'places', 'secrets']) await mkdir(at(name), { recursive: true });
  dressLike(
    at('upper'),
    lowers.map((lower) => join(roots, lower)),
  );
  const user = runUser(step.user, await context.owners());
  if (typeof user === 'string') throw context.refuse(`RUN: ${user}`);

  const system = { proc: files.resolve('proc'), sys: files.resolve('sys'), dev: files.resolve('dev') };
  const prepared = await prepareMounts(found, directory, context);
  await using _ended = { [Symbol.asyncDispose]: prepared.end };
  const { mounts, variables, places } = prepared;
  const network = networkOf(step, options);
  const own = await ownFiles(step, directory, network, files);
  for (const path of Object.values(system)) await mkdir(join(at('places'), path), { recursive: true });
  for (const { path, kind } of [...own.map(({ target }) => ({ path: target, kind: 'file' as const })), ...places])
    await makePlace(at('places'), path, kind);

  const script = sandboxScript({
    // What is mounted on has to be there, and must not be left behind: it lies below all that the image has.
    lowers: [...lowers, relative(roots, at('places'))],
    upper: relative(roots, at('upper')),
    work: relative(roots, at('work')),
    merged: at('merged'),
    secrets: at('secrets'),
    started: at('started'),
    system,
    mounts: [...own.map((file) => ({ kind: 'bind' as const, writable: false, ...file })), ...mounts],
    env: { HOME: user.home, ...proxies(options, network), ...step.env, ...variables },
    workdir: step.workdir,
    uid: user.uid,
    gid: user.gid,
    argv: step.program === undefined ? step.argv : [`/${PROGRAM}`],
    hasShell: files.get(files.resolve('bin/sh')) !== undefined,
  });
  const { onOutput, signal } = options;
  const result = await runSandbox({ script, cwd: roots, network, started: at('started'), onOutput, signal });
  if (result.status === 0) return at('upper');
  const lines = result.tail.trim().split('\n').slice(-8).join('\n');
  const what = context.refuse(`${shortened(step.text)} failed: exit status ${result.status}`);
  throw new SealosError('run-failed', lines === '' || onOutput !== undefined ? what.message : `${what.message}\n${lines}`, {
    hint: 'the instructions before it are kept: the next build goes on from here',
  });
}

const PROGRAM = '.sealos-here-document';

// Files that every RUN sees and none keeps: names and their servers as this machine has them, and a here-document that is a program.
async function ownFiles(step: RunStep, directory: string, network: 'host' | 'none', files: ImageFiles) {
  const hosts = join(directory, 'hosts');
  await writeFile(hosts, '127.0.0.1 localhost sealos-build\n::1 localhost ip6-localhost\n', { mode: 0o644 });
  const own = [{ source: hosts, target: files.resolve('etc/hosts') }];
  if (network === 'host' && existsSync('/etc/resolv.conf')) {
    const resolv = join(directory, 'resolv.conf');
    await writeFile(resolv, await readFile('/etc/resolv.conf'), { mode: 0o644 });
    own.push({ source: resolv, target: files.resolve('etc/resolv.conf') });
  }
  if (step.program !== undefined) {
    const program = join(directory, 'program');
    await writeFile(program, step.program, { mode: 0o755 });
    own.push({ source: program, target: PROGRAM });
  }
  return own;
}

async function makePlace(root: string, path: string, kind: 'directory' | 'file'): Promise<void> {
  await mkdir(join(root, kind === 'directory' ? path : path.split('/').slice(0, -1).join('/')), { recursive: true });
  if (kind === 'file') await writeFile(join(root, path), '');
}

function proxies({ buildArgs, environment = process.env }: BuildOptions, network: 'host' | 'none'): Record<string, string> {
  if (network === 'none') return {};
  return Object.fromEntries(
    PROXY_ARGUMENTS.flatMap((name) => {
      const value = buildArgs?.[name] ?? environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function changeLayer(upper: string, step: BuildStep & RunStep, context: RunContext): Promise<BuiltLayer | undefined> {
  const { store, latest, options } = context;
  let newest = 0;
  let count = 0;
  const entries = async function* (): AsyncGenerator<TarEntry> {
    for await (const entry of changeEntries(upper, options.signal)) {
      const mtime = latest === undefined ? entry.mtime : Math.min(entry.mtime, latest);
      newest = Math.max(newest, mtime);
      count++;
      yield { ...entry, mtime };
    }
  };
  const { writer, ...layer } = await stageLayer(store, tarParts(entries()), { compression: options.compression, signal: options.signal });
  if (count === 0) {
    await writer.discard();
    return undefined;
  }
  try {
    await store.commit(writer);
  } finally {
    await writer.discard();
  }
  return { ...layer, step: context.index, text: step.text, newest, isCached: false };
}
