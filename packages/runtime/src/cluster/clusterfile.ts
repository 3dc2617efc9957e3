import { badInput } from '@sealos/image';
import type { TemplateData } from '@sealos/template';
import { parseHostList } from '../address-list.ts';
import { parseEnvironment } from '../image-contract/environment.ts';
import { isK3sDocument, type K3sOptions, k3sOptions, layK3sOptions } from '../k3s/options.ts';
import { isKubeadmKind, type KubeadmDocument, kubeadmDocument } from '../kubeadm/document.ts';
import { renderText } from '../render/render.ts';
import type { Cluster, ClusterCondition, Clusterfile, ClusterStatus, Config, Ssh } from './cluster.ts';
import { emptyStatus } from './cluster.ts';
import { configPath } from './config-path.ts';
import { openProblems, type Problems } from './problems.ts';
import { type ClusterSchema, clusterSchema, configSchema, type SshSchema } from './schema.ts';
import { unknownOfCluster, unknownOfCondition, unknownOfConfig, unknownOfHost, unknownOfMount, unknownOfStatus } from './unknown.ts';
import { at, parseWith, parseYamlStream, type StreamDocument } from './yaml-stream.ts';

export interface ClusterfileOptions {
  /** The file's name, for errors. */
  readonly name: string;
  /** `.Values` of the Go template that the file is. Without it the text is taken as it is (state is not rendered again). */
  readonly values?: ReadonlyMap<string, TemplateData> | { readonly [key: string]: TemplateData } | undefined;
  /** What the template's functions `env` and `expandenv` see; nothing by default. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

/** What a stream of documents holds, each with the document that it was read from. */
export interface ParsedDocuments {
  readonly cluster: { readonly value: Cluster; readonly from: StreamDocument } | undefined;
  readonly configs: readonly { readonly value: Config; readonly from: StreamDocument }[];
  readonly kubeadm: readonly KubeadmDocument[];
  readonly k3s: K3sOptions | undefined;
}

const group = 'apps.sealos.io/v1beta1';
const defaultPort = 22;

/** Parses a Clusterfile: any order of documents. Throws bad input with file, line and document number; all that is wrong at once. */
export function parseClusterfile(text: string, options: ClusterfileOptions): Clusterfile {
  const problems = openProblems();
  const { cluster, configs, kubeadm, k3s } = parseDocuments(text, options, problems);
  problems.finish(options.name);
  return { cluster: required(cluster, options.name).value, configs: configs.map(({ value }) => value), kubeadm, ...(k3s && { k3s }) };
}

/** Parses a `--config-file` or an image's `config.yml`: Configs and kubeadm documents, no Cluster. */
export function parseConfigFile(text: string, options: ClusterfileOptions): Omit<Clusterfile, 'cluster'> {
  const problems = openProblems();
  const { cluster, configs, kubeadm, k3s } = parseDocuments(text, options, problems);
  problems.finish(options.name);
  if (cluster !== undefined)
    throw badInput('bad-clusterfile', `${cluster.from.where()}: a Cluster has no place here`, 'use it as the Clusterfile');
  return { configs: configs.map(({ value }) => value), kubeadm, ...(k3s && { k3s }) };
}

/** The one Cluster of a file. Throws bad input where there is none. */
export function required<T>(cluster: T | undefined, name: string): T {
  if (cluster !== undefined) return cluster;
  throw badInput('bad-clusterfile', `${name}: no document is of kind Cluster`, 'a Clusterfile describes one cluster');
}

/** Renders and parses all documents; what is wrong goes to `problems`, save a template or YAML that cannot be read at all. */
export function parseDocuments(text: string, { name, values, environment = {} }: ClusterfileOptions, problems: Problems): ParsedDocuments {
  const rendered = values === undefined ? text : renderText(text, { Values: values }, { name, env: environment });
  let cluster: ParsedDocuments['cluster'];
  const configs: ParsedDocuments['configs'][number][] = [];
  const kubeadm: KubeadmDocument[] = [];
  let k3s: K3sOptions | undefined;
  for (const from of parseYamlStream(rendered, name)) {
    problems.attempt(() => {
      const { kind } = from.value;
      if (isK3sDocument(from.value)) {
        k3s = layK3sOptions(
          k3s,
          k3sOptions(from.value, (key) => from.where([key])),
        );
        return;
      }
      if (typeof kind !== 'string') throw badInput('bad-clusterfile', `${from.where()}: kind is missing`);
      if (isKubeadmKind(kind)) kubeadm.push(kubeadmDocument(from.value, from.where(['kind'])));
      else checkKind(kind, from);
      if (kind === 'Config') configs.push({ value: toConfig(from), from });
      if (kind !== 'Cluster') return;
      if (cluster !== undefined)
        throw badInput('bad-clusterfile', `${from.where()}: a second Cluster`, 'a Clusterfile describes one cluster');
      const value = toCluster(from, problems);
      cluster = { value, from };
    });
  }
  return { cluster, configs, kubeadm, k3s };
}

function checkKind(kind: string, from: StreamDocument): void {
  if (kind !== 'Cluster' && kind !== 'Config') {
    throw badInput(
      'bad-clusterfile',
      `${from.where(['kind'])}: kind '${kind}' is not known`,
      'known are Cluster, Config and those of kubeadm',
    );
  }
  const { apiVersion } = from.value;
  if (apiVersion === group) return;
  throw badInput('bad-clusterfile', `${from.where(['apiVersion'])}: apiVersion of ${kind} is '${String(apiVersion)}', not ${group}`);
}

function toConfig(document: StreamDocument): Config {
  const { metadata, spec } = parseWith(configSchema, document);
  const path = at(document, ['spec', 'path'], () => configPath(spec.path));
  return { name: metadata.name, ...spec, path, ...unknownOfConfig(document.value) };
}

function toCluster(document: StreamDocument, problems: Problems): Cluster {
  const { metadata, spec, status } = parseWith(clusterSchema, document);
  const { creationTimestamp, deletionTimestamp } = metadata;
  const port = spec.ssh.port || defaultPort;
  const part = <T>(path: readonly PropertyKey[], action: () => T) => problems.attempt(action, () => document.where(path));
  const plainHosts = listAt(document.value['spec'], 'hosts');
  return {
    name: metadata.name,
    ...(creationTimestamp ? { createdAt: creationTimestamp } : {}),
    ...(deletionTimestamp ? { deletedAt: deletionTimestamp } : {}),
    images: spec.image,
    ssh: toSsh(spec.ssh),
    hosts: spec.hosts.map((host, index) => {
      const path = ['spec', 'hosts', index];
      return {
        ips: part([...path, 'ips'], () => parseHostList(host.ips.join(','), host.ssh?.port || port)) ?? [],
        roles: host.roles,
        env: part([...path, 'env'], () => parseEnvironment(host.env, 'env')) ?? new Map(),
        ...(host.ssh ? { ssh: toSsh(host.ssh) } : {}),
        ...unknownOfHost(plainHosts[index]),
      };
    }),
    env: part(['spec', 'env'], () => parseEnvironment(spec.env, 'env')) ?? new Map(),
    command: spec.command,
    status: status ? toStatus(status, document.value['status']) : emptyStatus,
    ...unknownOfCluster(document.value),
  };
}

/** Empty members are as good as absent: Go writes them. */
function toSsh({ port, ...texts }: SshSchema): Ssh {
  return { ...present(texts), ...(port ? { port } : {}) };
}

function toStatus({ phase, mounts, conditions, commandCondition }: NonNullable<ClusterSchema['status']>, plain: unknown): ClusterStatus {
  const conditionsOf = (list: typeof conditions, key: string) =>
    list.map(
      ({ type, status, images, ...texts }, index): ClusterCondition => ({
        type,
        status,
        ...(images ? { images } : {}),
        ...present(texts),
        ...unknownOfCondition(listAt(plain, key)[index]),
      }),
    );
  return {
    ...(phase ? { phase } : {}),
    mounts: mounts.map(({ mountPoint, digest, env, ...mount }, index) => ({
      ...mount,
      ...present({ mountPoint, digest }),
      env: new Map(Object.entries(env)),
      ...unknownOfMount(listAt(plain, 'mounts')[index]),
    })),
    conditions: conditionsOf(conditions, 'conditions'),
    commandConditions: conditionsOf(commandCondition, 'commandCondition'),
    ...unknownOfStatus(plain),
  };
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const list: unknown = typeof value === 'object' && value !== null ? Object.entries(value).find(([name]) => name === key)?.[1] : undefined;
  return Array.isArray(list) ? list : [];
}

function present<K extends string>(texts: Readonly<Partial<Record<K, string | null | undefined>>>): Partial<Record<K, string>> {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value)) as Partial<Record<K, string>>;
}
