import { stringify } from 'yaml';
import { formatAddress } from '../address-list.ts';
import { formatEnvironment, isSecretKey } from '../image-contract/environment.ts';
import type { Cluster, ClusterCondition, Clusterfile, ClusterStatus, Config, Environment, Ssh, Unknown } from './cluster.ts';
import { publicMembers } from './unknown.ts';
import { written } from './yaml-dialect.ts';

/** What of a cluster's secrets is written. */
interface Openness {
  readonly env: (env: Environment) => Environment;
  readonly ssh: (ssh: Ssh) => object;
  readonly unknown: (members: Unknown | undefined) => Unknown;
}

const withSecrets: Openness = { env: (env) => env, ssh: (ssh) => ssh, unknown: (members) => members ?? {} };
const guarded: Openness = { env: withoutSecrets, ssh: publicSsh, unknown: publicMembers };

/**
 * The Clusterfile as YAML that sealos reads too. Without secrets: no passwords and key texts, and no value of a variable whose name
 * says that it is one (`registryPassword`).
 */
export function formatClusterfile(file: Clusterfile): string {
  return format(file, guarded);
}

/**
 * The Clusterfile as it was given, the passwords and key texts in it too: for its author's eyes, never for state, logs or hosts. It is to be
 * read as all Clusterfiles are, as a template, and so what is one for hosts (in a Config's data) stands in it as text.
 */
export function formatOwnClusterfile(file: Clusterfile): string {
  return format(file, withSecrets).replaceAll('{{', '{{`{{`}}');
}

/** An environment without the variables whose values must not be shown or stored in the clear. */
export function withoutSecrets(env: Environment): Environment {
  return new Map([...env].filter(([key]) => !isSecretKey(key)));
}

function format({ cluster, configs, kubeadm, k3s }: Clusterfile, openness: Openness): string {
  const documents = [
    clusterDocument(cluster, openness),
    ...configs.map((config) => configDocument(config, openness)),
    ...kubeadm.map(({ apiVersion, kind, content }) => ({ apiVersion, kind, ...content })),
    ...(k3s ? [k3s] : []),
  ];
  return documents.map((document) => stringify(document, written)).join('---\n');
}

function clusterDocument(cluster: Cluster, { env: shownEnv, ssh: shownSsh, unknown }: Openness): object {
  const { name, createdAt, deletedAt, images, ssh, hosts, env, command, status, unknown: other } = cluster;
  return {
    apiVersion: 'apps.sealos.io/v1beta1',
    kind: 'Cluster',
    metadata: {
      name,
      ...(createdAt === undefined ? {} : { creationTimestamp: createdAt }),
      ...(deletedAt === undefined ? {} : { deletionTimestamp: deletedAt }),
      ...unknown(other?.metadata),
    },
    spec: {
      image: images,
      ssh: shownSsh(ssh),
      hosts: hosts.map((group) => ({
        ips: group.ips.map(formatAddress),
        roles: group.roles,
        ...listed('env', formatEnvironment(shownEnv(group.env))),
        ...(group.ssh === undefined ? {} : { ssh: shownSsh(group.ssh) }),
        ...unknown(group.unknown),
      })),
      ...listed('env', formatEnvironment(shownEnv(env))),
      ...listed('command', command),
      ...unknown(other?.spec),
    },
    status: statusDocument(status, { env: shownEnv, ssh: shownSsh, unknown }),
    ...unknown(other?.document),
  };
}

function configDocument({ name, unknown: other, ...spec }: Config, { unknown }: Openness): object {
  return {
    apiVersion: 'apps.sealos.io/v1beta1',
    kind: 'Config',
    metadata: { name, ...unknown(other?.metadata) },
    spec: { ...spec, ...unknown(other?.spec) },
    ...unknown(other?.document),
  };
}

function statusDocument({ phase, mounts, conditions, commandConditions, unknown: other }: ClusterStatus, openness: Openness): object {
  const condition = ({ unknown, ...rest }: ClusterCondition) => ({ ...rest, ...openness.unknown(unknown) });
  return {
    ...(phase === undefined ? {} : { phase }),
    ...listed(
      'mounts',
      // In one order, whether they were just made or read from a file: the same cluster is the same text.
      mounts.map(({ env, unknown, name, type, imageName, mountPoint, digest, ...mount }) => ({
        ...{ name, type, imageName, mountPoint, digest },
        ...mount,
        env: Object.fromEntries(openness.env(env)),
        ...openness.unknown(unknown),
      })),
    ),
    ...listed('conditions', conditions.map(condition)),
    // Singular, as sealos spells it.
    ...listed('commandCondition', commandConditions.map(condition)),
    ...openness.unknown(other),
  };
}

function publicSsh({ passwd: _passwd, pkData: _pkData, pkPasswd: _pkPasswd, ...rest }: Ssh): object {
  return rest;
}

function listed(key: string, list: readonly unknown[]): object {
  return list.length > 0 ? { [key]: list } : {};
}
