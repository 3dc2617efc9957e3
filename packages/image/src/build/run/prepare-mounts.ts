import { access, chmod, chown, constants, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { MountSpec } from '../../kubefile/run-mount.ts';
import type { SecretSource, Volume } from '../build-options.ts';
import { contextEntry } from '../context-entry.ts';
import { locate } from '../context-path.ts';
import { buildDirectory, cacheKey, touch } from '../layer-cache.ts';
import type { RunContext } from './carry-out.ts';
import { type OfferedAgent, offerAgent } from './offer-agent.ts';
import type { SandboxMount } from './sandbox-script.ts';

/** A `RUN --mount`, or a volume of the whole build, whose source is found, before anything is mounted. */
export interface FoundMount {
  readonly spec: MountSpec | ({ readonly type: 'volume' } & Volume);
  /** Where the files come from; undefined for those that begin empty. */
  readonly source: string | undefined;
  /** For the layer cache: what the RUN can see there. Caches, secrets, agents and what is in volumes do not count. */
  readonly identity: string;
}

/** Finds what the build's volumes and a RUN's mounts show. Throws `bad-kubefile`, also for a secret that is required and not given. */
export async function findMounts(specs: readonly MountSpec[], context: RunContext): Promise<readonly FoundMount[]> {
  // A RUN's own mount may lie over a volume.
  const found: FoundMount[] = (context.options.volumes ?? []).map((volume) => ({
    spec: { type: 'volume', ...volume },
    source: volume.source,
    identity: '',
  }));
  for (const spec of specs) {
    if (spec.type === 'bind') found.push(await findBind(spec, context));
    else if (spec.type === 'cache')
      found.push({ spec, source: spec.from === undefined ? undefined : (await context.contextOf(spec.from)).root, identity: '' });
    else if (spec.type === 'tmpfs') found.push({ spec, source: undefined, identity: '' });
    else if (spec.type === 'ssh') {
      const agent = context.options.agents?.[spec.id];
      if (agent !== undefined) found.push({ spec, source: agent, identity: '' });
      else if (spec.required) throw context.refuse(`RUN needs the SSH agent '${spec.id}'`, `give it: --ssh ${spec.id}`);
    } else if (context.options.secrets?.[spec.id] !== undefined) found.push({ spec, source: undefined, identity: '' });
    else if (spec.required) throw context.refuse(`RUN needs the secret '${spec.id}'`, `give it: --secret id=${spec.id},src=FILE`);
  }
  return found;
}

async function findBind(spec: MountSpec & { readonly type: 'bind' }, context: RunContext): Promise<FoundMount> {
  const { from, source } = spec;
  const { root, image, title } = from === undefined ? context.context : await context.contextOf(from);
  const located = await locate(root, source, 'follow', image !== undefined);
  if (located.kind !== 'found')
    throw context.refuse(`RUN --mount: '${source}' is not in ${title}${located.kind === 'outside' ? ', it leads out of it' : ''}`);
  const isDirectory = await stat(located.path).then(
    (found) => found.isDirectory(),
    () => undefined,
  );
  if (isDirectory === undefined) throw context.refuse(`RUN --mount: '${source}' is not in ${title}`);
  const identity = image === undefined ? cacheKey(await identitiesIn(located.path, isDirectory)) : cacheKey(image.identity, source);
  return { spec, source: located.path, identity };
}

async function identitiesIn(path: string, isDirectory: boolean): Promise<readonly string[]> {
  const names = isDirectory ? (await readdir(path, { recursive: true })).sort() : [''];
  return names.map((name) => {
    const found = contextEntry(join(path, name), name, {});
    return found === undefined ? name : `${name} ${found.entry.mode} ${found.identity}`;
  });
}

/** What is mounted for a RUN, and the variables that secrets become. */
export interface PreparedMounts {
  readonly mounts: readonly SandboxMount[];
  readonly variables: Readonly<Record<string, string>>;
  /** Directories and files that have to be there to be mounted on. */
  readonly places: readonly { readonly path: string; readonly kind: 'directory' | 'file' }[];
  /** Ends what serves them. */
  readonly end: () => Promise<void>;
}

/** Makes the sources of mounts below `directory`, which goes when the RUN has ended; what serves them goes with `end`. */
export async function prepareMounts(found: readonly FoundMount[], directory: string, context: RunContext): Promise<PreparedMounts> {
  const mounts: SandboxMount[] = [];
  const variables: Record<string, string> = {};
  const places: { readonly path: string; readonly kind: 'directory' | 'file' }[] = [];
  const agents: OfferedAgent[] = [];
  for (const [index, { spec, source }] of found.entries()) {
    const given = spec.type === 'ssh' ? (spec.target ?? `/run/buildkit/ssh_agent.${agents.length}`) : (spec.target ?? '');
    const target = context.files.resolve(given.replace(/^\/+/, ''));
    const own = join(directory, `mount-${index}`);
    if (spec.type === 'tmpfs') {
      mounts.push({ kind: 'tmpfs', target, bytes: spec.bytes });
      places.push({ path: target, kind: 'directory' });
    } else if (spec.type === 'cache') {
      mounts.push({ kind: 'bind', source: await cacheDirectory(spec, context), target, writable: spec.writable });
      places.push({ path: target, kind: 'directory' });
    } else if (spec.type === 'bind' && source !== undefined) {
      const isDirectory = (await stat(source)).isDirectory();
      places.push({ path: target, kind: isDirectory ? 'directory' : 'file' });
      if (spec.writable && isDirectory) mounts.push(await scratch(source, target, own));
      else mounts.push({ kind: 'bind', source, target, writable: false });
    } else if (spec.type === 'volume') {
      const isDirectory = (await stat(spec.source)).isDirectory();
      places.push({ path: target, kind: isDirectory ? 'directory' : 'file' });
      if (spec.access === 'scratch') mounts.push(await scratch(spec.source, target, own));
      else mounts.push({ kind: 'volume', source: spec.source, target, writable: spec.access === 'write' });
    } else if (spec.type === 'ssh' && source !== undefined) {
      const agent = await offerAgent(source, own, spec);
      agents.push(agent);
      variables['SSH_AUTH_SOCK'] ??= given;
      mounts.push({ kind: 'bind', source: agent.path, target, writable: true });
      places.push({ path: target, kind: 'file' });
    } else if (spec.type === 'secret') {
      const secret = context.options.secrets?.[spec.id];
      if (secret === undefined) continue;
      const content = await secretContent(secret, context);
      if (spec.variable !== undefined) variables[spec.variable] = 'value' in content ? content.value : await readFile(content.file, 'utf8');
      if (spec.target === undefined) continue;
      const { mode, uid, gid } = spec;
      mounts.push({ kind: 'secret', content, target, mode, uid, gid });
      places.push({ path: target, kind: 'file' });
    }
  }
  return { mounts, variables, places, end: async () => void (await Promise.all(agents.map((agent) => agent.end()))) };
}

async function scratch(source: string, target: string, directory: string): Promise<SandboxMount> {
  const [upper, work] = [join(directory, 'upper'), join(directory, 'work')];
  for (const path of [upper, work]) await mkdir(path, { recursive: true });
  return { kind: 'scratch', source, target, upper, work };
}

async function cacheDirectory(spec: MountSpec & { readonly type: 'cache' }, context: RunContext): Promise<string> {
  const path = buildDirectory(context.store, 'mounts', cacheKey(spec.id).slice(0, 24));
  const made = await mkdir(path, { recursive: true });
  if (made !== undefined) {
    await chmod(path, spec.mode);
    await chown(path, spec.uid, spec.gid);
  }
  await touch(path);
  return path;
}

// Nothing is written to the disk: whoever pulls the plug must not find it there.
async function secretContent(given: SecretSource, context: RunContext): Promise<{ readonly file: string } | { readonly value: string }> {
  if ('variable' in given) {
    const value = (context.options.environment ?? process.env)[given.variable];
    if (value === undefined) throw context.refuse(`the secret's variable ${given.variable} is not set`);
    return { value };
  }
  await access(given.file, constants.R_OK).catch(() => {
    throw context.refuse(`the secret's file ${given.file} cannot be read`);
  });
  return { file: resolve(given.file) };
}
