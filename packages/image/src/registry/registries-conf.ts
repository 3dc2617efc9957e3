import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parse, TomlError } from 'smol-toml';
import * as v from 'valibot';
import { badInput } from '../error.ts';
import { formatReference, type Reference } from '../reference.ts';

const flag = v.optional(v.boolean(), false);
const mirror = v.object({
  location: v.string(),
  insecure: flag,
  'pull-from-mirror': v.optional(v.picklist(['all', 'digest-only', 'tag-only']), 'all'),
});
const registry = v.object({
  prefix: v.optional(v.string(), ''),
  location: v.optional(v.string(), ''),
  insecure: flag,
  blocked: flag,
  'mirror-by-digest-only': flag,
  mirror: v.optional(v.array(mirror), []),
});
const names = v.optional(v.object({ registries: v.optional(v.array(v.string()), []) }), {});
const document = v.object({
  registry: v.optional(v.array(registry), []),
  // Version 1: a table for each kind of list. What it has under `search` is for names without a registry, which are Docker Hub's here.
  registries: v.optional(v.object({ insecure: names, block: names }), {}),
});

/** A `[[registry]]` table of registries.conf (containers-registries.conf(5), version 2; the lists of version 1 are read as such). */
export type RegistryRule = v.InferOutput<typeof registry>;
export type RegistriesConf = readonly RegistryRule[];

/** Where an image's content is asked for. */
export interface Location {
  /** `HOST[:PORT]` to talk to. */
  readonly host: string;
  readonly repository: string;
  readonly insecure: boolean;
}

/** `$CONTAINERS_REGISTRIES_CONF`, else the user's file, else the machine's; and the files of `registries.conf.d` beside it. */
export async function readRegistriesConf(environment: NodeJS.ProcessEnv = process.env): Promise<RegistriesConf> {
  const config = environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config');
  const named = environment['CONTAINERS_REGISTRIES_CONF'];
  const candidates = named ? [named] : [join(config, 'containers', 'registries.conf'), '/etc/containers/registries.conf'];
  const rules = new Map<string, RegistryRule>();
  for (const path of candidates) {
    const found = await readRules(path, path === named);
    if (found === undefined) continue;
    for (const rule of found) rules.set(prefixOf(rule), rule);
    break;
  }
  const directories = named ? [] : ['/etc/containers/registries.conf.d', join(config, 'containers', 'registries.conf.d')];
  for (const directory of directories) {
    const names = await readdir(directory).catch(() => []);
    for (const name of names.filter((entry) => entry.endsWith('.conf')).sort()) {
      for (const rule of (await readRules(join(directory, name), false)) ?? []) rules.set(prefixOf(rule), rule);
    }
  }
  return [...rules.values()];
}

/** Reads one file's text. Throws `bad-registries-conf` (exit 2), naming the line. */
export function parseRegistriesConf(text: string, path: string): RegistriesConf {
  try {
    const { registry: tables, registries } = v.parse(document, parse(text));
    const rules = [...tables, ...ofVersion1(registries.insecure.registries, registries.block.registries)];
    const empty = rules.find((rule) => prefixOf(rule) === '');
    if (empty !== undefined) throw new Error('a [[registry]] has neither prefix nor location');
    return rules;
  } catch (error) {
    if (error instanceof TomlError) throw badInput('bad-registries-conf', `${path}:${error.line}: it is not TOML`);
    const why = error instanceof v.ValiError ? `${v.getDotPath(error.issues[0])}: ${error.issues[0].message}` : String(error);
    throw badInput('bad-registries-conf', `${path}: ${why.replace(/^Error: /, '')}`);
  }
}

/**
 * Where to ask for an image, in order: mirrors for a pull, then the registry's own location. Throws `registry-blocked` (exit 2).
 */
export function locationsOf(conf: RegistriesConf, reference: Reference, action: 'pull' | 'push'): readonly Location[] {
  const name = formatReference(reference);
  const rule = ruleFor(conf, name);
  const own: Location = { host: reference.registry, repository: reference.repository, insecure: false };
  if (rule === undefined) return [own];
  if (rule.blocked) {
    throw badInput(
      'registry-blocked',
      `cannot ${action} ${name}: registries.conf blocks '${prefixOf(rule)}'`,
      'remove `blocked = true` there, or use another registry',
    );
  }
  // A wildcard stands for the host's name alone.
  const prefix = prefixOf(rule).startsWith('*.') ? reference.registry : prefixOf(rule);
  const bare = `${reference.registry}/${reference.repository}`;
  const rewrite = (location: string, insecure: boolean): Location => {
    const [host = '', ...path] = `${location || prefix}${bare.slice(prefix.length)}`.split('/');
    // A prefix may be as long as a whole name, with its tag or digest; the repository is without.
    return { host, repository: path.join('/').replace(/[:@].*$/, ''), insecure };
  };
  const primary = rewrite(rule.location, rule.insecure);
  if (action === 'push') return [primary];
  const mirrors = rule.mirror.filter((entry) => serves(entry['pull-from-mirror'], rule['mirror-by-digest-only'], reference));
  return [...mirrors.map((entry) => rewrite(entry.location, entry.insecure)), primary];
}

function ofVersion1(insecure: readonly string[], blocked: readonly string[]): RegistriesConf {
  return [...new Set([...insecure, ...blocked])].map((location) =>
    v.parse(registry, { location, insecure: insecure.includes(location), blocked: blocked.includes(location) }),
  );
}

function serves(rule: 'all' | 'digest-only' | 'tag-only', byDigestOnly: boolean, reference: Reference): boolean {
  const hasDigest = reference.digest !== undefined;
  if (byDigestOnly || rule === 'digest-only') return hasDigest;
  return rule === 'all' || !hasDigest;
}

function prefixOf(rule: RegistryRule): string {
  return rule.prefix || rule.location;
}

function ruleFor(conf: RegistriesConf, name: string): RegistryRule | undefined {
  const matching = conf.filter((rule) => matches(prefixOf(rule), name));
  return matching.sort((a, b) => prefixOf(b).length - prefixOf(a).length)[0];
}

function matches(prefix: string, name: string): boolean {
  if (prefix.startsWith('*.')) return (name.split('/')[0] ?? '').replace(/:\d+$/, '').endsWith(prefix.slice(1));
  return name === prefix || (name.startsWith(prefix) && /[/:@]/.test(name.charAt(prefix.length)));
}

async function readRules(path: string, required: boolean): Promise<RegistriesConf | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    // A file that is there may block a registry: not being allowed to read it is no leave to go on.
    const isMissing = error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
    if (required || !isMissing)
      throw badInput('bad-registries-conf', `cannot read ${path}: ${error instanceof Error ? error.message : error}`);
    return undefined;
  });
  return text === undefined ? undefined : parseRegistriesConf(text, path);
}
