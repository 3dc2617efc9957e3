import { stringify } from 'yaml';
import { formatAddress } from '../address-list.ts';
import { formatEnvironment, isSecretKey } from '../image-contract/environment.ts';
import type { Cluster, Clusterfile, ClusterStatus, Config, Environment, Ssh } from './cluster.ts';

/**
 * The Clusterfile as YAML that sealos reads too. Without secrets: no passwords and key texts, and no value of a variable whose name
 * says that it is one (`registryPassword`).
 */
export function formatClusterfile({ cluster, configs, kubeadm }: Clusterfile): string {
  const documents = [
    clusterDocument(cluster),
    ...configs.map(configDocument),
    ...kubeadm.map(({ apiVersion, kind, content }) => ({ apiVersion, kind, ...content })),
  ];
  return documents.map((document) => stringify(document, { lineWidth: 0, aliasDuplicateObjects: false, compat: 'yaml-1.1' })).join('---\n');
}

/** An environment without the variables whose values must not be shown or stored in the clear. */
export function withoutSecrets(env: Environment): Environment {
  return new Map([...env].filter(([key]) => !isSecretKey(key)));
}

function clusterDocument(cluster: Cluster): object {
  const { name, createdAt, deletedAt, images, ssh, hosts, env, command, status } = cluster;
  return {
    apiVersion: 'apps.sealos.io/v1beta1',
    kind: 'Cluster',
    metadata: {
      name,
      ...(createdAt === undefined ? {} : { creationTimestamp: createdAt }),
      ...(deletedAt === undefined ? {} : { deletionTimestamp: deletedAt }),
    },
    spec: {
      image: images,
      ssh: publicSsh(ssh),
      hosts: hosts.map((group) => ({
        ips: group.ips.map(formatAddress),
        roles: group.roles,
        ...listed('env', formatEnvironment(withoutSecrets(group.env))),
        ...(group.ssh === undefined ? {} : { ssh: publicSsh(group.ssh) }),
      })),
      ...listed('env', formatEnvironment(withoutSecrets(env))),
      ...listed('command', command),
    },
    status: statusDocument(status),
  };
}

function configDocument({ name, ...spec }: Config): object {
  return { apiVersion: 'apps.sealos.io/v1beta1', kind: 'Config', metadata: { name }, spec };
}

function statusDocument({ phase, mounts, conditions, commandConditions }: ClusterStatus): object {
  return {
    ...(phase === undefined ? {} : { phase }),
    ...listed(
      'mounts',
      mounts.map(({ env, ...mount }) => ({ ...mount, env: Object.fromEntries(withoutSecrets(env)) })),
    ),
    ...listed('conditions', conditions),
    // Singular, as sealos spells it.
    ...listed('commandCondition', commandConditions),
  };
}

function publicSsh({ passwd: _passwd, pkData: _pkData, pkPasswd: _pkPasswd, ...rest }: Ssh): object {
  return rest;
}

function listed(key: string, list: readonly unknown[]): object {
  return list.length > 0 ? { [key]: list } : {};
}
