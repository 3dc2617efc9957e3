import { badInput } from '@sealos/image';
import type { TemplateData } from '@sealos/template';
import { parseHostList } from '../address-list.ts';
import { parseEnvironment } from '../image-contract/environment.ts';
import { isKubeadmKind, type KubeadmDocument, kubeadmDocument } from '../kubeadm/document.ts';
import { renderText } from '../render/render.ts';
import type { Cluster, ClusterCondition, Clusterfile, ClusterStatus, Config, Ssh } from './cluster.ts';
import { emptyStatus } from './cluster.ts';
import { type ClusterSchema, clusterSchema, configSchema, type SshSchema } from './schema.ts';
import { at, parseWith, parseYamlStream, type StreamDocument } from './yaml-stream.ts';

export interface ClusterfileOptions {
  /** The file's name, for errors. */
  readonly name: string;
  /** `.Values` of the Go template that the file is. Without it the text is taken as it is (state is not rendered again). */
  readonly values?: { readonly [key: string]: TemplateData } | undefined;
  /** What the template's functions `env` and `expandenv` see; nothing by default. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

const group = 'apps.sealos.io/v1beta1';
const defaultPort = 22;

/** Parses a Clusterfile: any order of documents. Throws bad input with file, line and document number. */
export function parseClusterfile(text: string, options: ClusterfileOptions): Clusterfile {
  const { clusters, configs, kubeadm } = parseDocuments(text, options);
  const [first, second] = clusters;
  if (first === undefined)
    throw badInput('bad-clusterfile', `${options.name}: no document is of kind Cluster`, 'a Clusterfile describes one cluster');
  if (second !== undefined) throw badInput('bad-clusterfile', `${second.where()}: a second Cluster`, 'a Clusterfile describes one cluster');
  return { cluster: toCluster(first), configs, kubeadm };
}

/** Parses a `--config-file` or an image's `config.yml`: Configs and kubeadm documents, no Cluster. */
export function parseConfigFile(text: string, options: ClusterfileOptions): Omit<Clusterfile, 'cluster'> {
  const { clusters, configs, kubeadm } = parseDocuments(text, options);
  const [cluster] = clusters;
  if (cluster !== undefined)
    throw badInput('bad-clusterfile', `${cluster.where()}: a Cluster has no place here`, 'use it as the Clusterfile');
  return { configs, kubeadm };
}

interface Documents {
  readonly clusters: readonly StreamDocument[];
  readonly configs: readonly Config[];
  readonly kubeadm: readonly KubeadmDocument[];
}

function parseDocuments(text: string, { name, values, environment = {} }: ClusterfileOptions): Documents {
  const rendered = values === undefined ? text : renderText(text, { Values: values }, { name, env: environment });
  const clusters: StreamDocument[] = [];
  const configs: Config[] = [];
  const kubeadm: KubeadmDocument[] = [];
  for (const document of parseYamlStream(rendered, name)) {
    const { kind, apiVersion } = document.value;
    if (typeof kind !== 'string') throw badInput('bad-clusterfile', `${document.where()}: kind is missing`);
    if (isKubeadmKind(kind)) kubeadm.push(kubeadmDocument(document.value, document.where(['kind'])));
    else if (kind !== 'Cluster' && kind !== 'Config') {
      throw badInput(
        'bad-clusterfile',
        `${document.where(['kind'])}: kind '${kind}' is not known`,
        'known are Cluster, Config and those of kubeadm',
      );
    } else if (apiVersion !== group) {
      throw badInput(
        'bad-clusterfile',
        `${document.where(['apiVersion'])}: apiVersion of ${kind} is '${String(apiVersion)}', not ${group}`,
      );
    } else if (kind === 'Cluster') clusters.push(document);
    else configs.push(toConfig(document));
  }
  return { clusters, configs, kubeadm };
}

function toConfig(document: StreamDocument): Config {
  const { metadata, spec } = parseWith(configSchema, document);
  if (spec.path.startsWith('/') || spec.path.split('/').includes('..')) {
    throw badInput(
      'bad-clusterfile',
      `${document.where(['spec', 'path'])}: path '${spec.path}' leaves the image`,
      'write it relative to the image',
    );
  }
  return { name: metadata.name, ...spec };
}

function toCluster(document: StreamDocument): Cluster {
  const { metadata, spec, status } = parseWith(clusterSchema, document);
  const { creationTimestamp, deletionTimestamp } = metadata;
  const port = spec.ssh.port || defaultPort;
  return {
    name: metadata.name,
    ...(creationTimestamp ? { createdAt: creationTimestamp } : {}),
    ...(deletionTimestamp ? { deletedAt: deletionTimestamp } : {}),
    images: spec.image,
    ssh: toSsh(spec.ssh),
    hosts: spec.hosts.map((host, index) => {
      const path = ['spec', 'hosts', index];
      return {
        ips: at(document, [...path, 'ips'], () => parseHostList(host.ips.join(','), host.ssh?.port || port)),
        roles: host.roles,
        env: at(document, [...path, 'env'], () => parseEnvironment(host.env, 'env')),
        ...(host.ssh ? { ssh: toSsh(host.ssh) } : {}),
      };
    }),
    env: at(document, ['spec', 'env'], () => parseEnvironment(spec.env, 'env')),
    command: spec.command,
    status: status ? toStatus(status) : emptyStatus,
  };
}

/** Empty members are as good as absent: Go writes them. */
function toSsh({ port, ...texts }: SshSchema): Ssh {
  return { ...present(texts), ...(port ? { port } : {}) };
}

function toStatus({ phase, mounts, conditions, commandCondition }: NonNullable<ClusterSchema['status']>): ClusterStatus {
  const condition = ({ type, status, images, ...texts }: (typeof conditions)[number]): ClusterCondition => ({
    type,
    status,
    ...(images ? { images } : {}),
    ...present(texts),
  });
  return {
    ...(phase ? { phase } : {}),
    mounts: mounts.map(({ mountPoint, digest, env, ...mount }) => ({
      ...mount,
      ...present({ mountPoint, digest }),
      env: new Map(Object.entries(env)),
    })),
    conditions: conditions.map(condition),
    commandConditions: commandCondition.map(condition),
  };
}

function present<K extends string>(texts: Readonly<Partial<Record<K, string | null | undefined>>>): Partial<Record<K, string>> {
  return Object.fromEntries(Object.entries(texts).filter(([, value]) => value)) as Partial<Record<K, string>>;
}
