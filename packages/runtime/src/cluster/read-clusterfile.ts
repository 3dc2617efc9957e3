import type { Clusterfile } from './cluster.ts';
import { type ClusterfileOptions, parseConfigFile, parseDocuments, required } from './clusterfile.ts';
import { clusterProblems, likelyRole, validateClusterName } from './from-flags.ts';
import { layOver } from './lay-documents.ts';
import { located, openProblems } from './problems.ts';
import { isUrl, readText } from './read-text.ts';
import { readValues } from './read-values.ts';
import { unknownPaths } from './unknown.ts';
import type { StreamDocument } from './yaml-stream.ts';

/** Where a Clusterfile comes from and what its template sees. */
export interface ClusterfileSources {
  /** A path, an `http(s)` URL, or `-` for standard input. */
  readonly location: string;
  /** `--values`: paths or URLs. */
  readonly values: readonly string[];
  /** `--set`, in helm's syntax, laid over the values. */
  readonly set: readonly string[];
  /** `--env`: what the template's `env` sees besides, or instead of, the process's own variables. */
  readonly env: ReadonlyMap<string, string>;
  /** `--config-file`: files with Configs and kubeadm documents, templates like the Clusterfile itself. */
  readonly configFiles: readonly string[];
  /** The process's own variables. A file from a URL does not see them. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface CheckedClusterfile {
  readonly file: Clusterfile;
  /** What has no effect, or not the one that was meant, a line each. */
  readonly warnings: readonly string[];
}

/**
 * Reads a Clusterfile as people write it: rendered, parsed in any order, checked as a whole, with the documents of `--config-file` laid
 * over. Throws bad input that says file and line; everything that is wrong with the file is said at once.
 */
export async function readClusterfile(sources: ClusterfileSources, signal: AbortSignal): Promise<CheckedClusterfile> {
  const values = await readValues({ files: sources.values, set: sources.set }, signal);
  const text = await readText(sources.location, { flag: '-f', signal });
  const name = sources.location === '-' ? 'standard input' : sources.location;
  const { file, warnings } = checkClusterfile(text, { name, values, environment: visibleEnvironment(sources, sources.location) });
  const more = await readConfigFiles(sources, signal);
  return {
    file: { ...file, ...layOver(file, more) },
    warnings: [...warnings, ...repeatedNames([...file.configs, ...more.configs])],
  };
}

/** The documents of all `--config-file`s, a later file's laid over an earlier one's. */
export async function readConfigFiles(
  sources: Pick<ClusterfileSources, 'configFiles' | 'values' | 'set' | 'env' | 'environment'>,
  signal: AbortSignal,
): Promise<Omit<Clusterfile, 'cluster'>> {
  const values = await readValues({ files: sources.values, set: sources.set }, signal);
  let all: Omit<Clusterfile, 'cluster'> = { configs: [], kubeadm: [] };
  for (const location of sources.configFiles) {
    const text = await readText(location, { flag: '--config-file', signal });
    const one = parseConfigFile(text, { name: location, values, environment: visibleEnvironment(sources, location) });
    all = layOver(all, one);
  }
  return all;
}

/** Parses a Clusterfile and checks it as a whole. The same errors as `readClusterfile`'s. */
export function checkClusterfile(text: string, options: ClusterfileOptions): CheckedClusterfile {
  const problems = openProblems();
  const { cluster, configs, kubeadm, k3s } = parseDocuments(text, options, problems);
  if (cluster !== undefined) {
    const { from, value } = cluster;
    problems.attempt(
      () => validateClusterName(value.name),
      () => from.where(['metadata', 'name']),
    );
    for (const { error, group } of clusterProblems(value)) {
      problems.attempt(() => {
        throw located(error, from.where(group === undefined ? ['spec', 'hosts'] : ['spec', 'hosts', group]));
      });
    }
  }
  problems.finish(options.name);
  const found = required(cluster, options.name);
  return {
    file: { cluster: found.value, configs: configs.map(({ value }) => value), kubeadm, ...(k3s && { k3s }) },
    warnings: [
      ...unknownPaths(found.from.value, found.value).map((path) => strayMember(found.from, path)),
      ...configs.flatMap(({ from }) => unknownPaths(from.value, undefined).map((path) => strayMember(from, path))),
      ...strayRoles(found),
      ...configs
        .filter(({ value: { match } }) => match !== '' && !found.value.images.includes(match))
        .map(({ value, from }) => `${from.where(['spec', 'match'])}: '${value.match}' is no image of this cluster, as it is written there`),
    ],
  };
}

function strayMember(from: StreamDocument, path: readonly string[]): string {
  return `${from.where(path)}: ${path.join('.')} is not known and has no effect`;
}

function strayRoles({ value, from }: { readonly value: Clusterfile['cluster']; readonly from: StreamDocument }): readonly string[] {
  return value.hosts.flatMap(({ roles }, group) =>
    roles.flatMap((role) => {
      const likely = likelyRole(role);
      if (likely === undefined) return [];
      return [
        `${from.where(['spec', 'hosts', group, 'roles'])}: role '${role}' is a name of your own; Kubernetes' own is spelt '${likely}'`,
      ];
    }),
  );
}

/** A Config takes the place of an earlier one of its name, whatever the two are for. */
function repeatedNames(configs: Clusterfile['configs']): readonly string[] {
  const repeated = configs.filter(({ name }, index) => configs.findIndex((other) => other.name === name) < index);
  return [...new Set(repeated.map(({ name }) => name))].map((name) => {
    const what = name === '' ? 'Configs without a name' : `Configs named '${name}'`;
    return `of several ${what} only the last counts: give each a metadata.name of its own`;
  });
}

/** A file from somewhere else must not be able to read this process's secrets into hosts' files. */
function visibleEnvironment({ env, environment }: Pick<ClusterfileSources, 'env' | 'environment'>, location: string) {
  const own = isUrl(location) ? [] : Object.entries(environment);
  return Object.fromEntries([...own, ...env].flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}
