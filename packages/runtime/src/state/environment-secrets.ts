import * as v from 'valibot';
import { parse, stringify } from 'yaml';
import { formatAddress } from '../address-list.ts';
import type { Cluster, Clusterfile, Environment, HostGroup } from '../cluster/cluster.ts';
import { isSecretKey } from '../image-contract/environment.ts';

// A Clusterfile is stored, and copied into the cluster, without secrets; those of `spec.env` and of hosts' `env` lie beside it.

const schema = v.object({
  cluster: v.nullish(v.record(v.string(), v.string()), {}),
  /** By the first address of a group. */
  hosts: v.nullish(v.record(v.string(), v.record(v.string(), v.string())), {}),
});

/** The secret variables of a cluster as YAML; undefined where it has none. */
export function formatSecrets(cluster: Cluster): string | undefined {
  const groups = cluster.hosts.map((group) => [groupKey(group), secretsOf(group.env)] as const);
  const hosts = groups.filter(([, secrets]) => Object.keys(secrets).length > 0);
  const own = secretsOf(cluster.env);
  if (hosts.length === 0 && Object.keys(own).length === 0) return undefined;
  return stringify({ cluster: own, hosts: Object.fromEntries(hosts) });
}

/** Puts secret variables back where they were taken from. */
export function restoreSecrets(file: Clusterfile, text: string | undefined): Clusterfile {
  if (text === undefined) return file;
  const secrets = v.parse(schema, parse(text) ?? {});
  const { cluster } = file;
  return {
    ...file,
    cluster: {
      ...cluster,
      env: new Map([...cluster.env, ...Object.entries(secrets.cluster)]),
      hosts: cluster.hosts.map((group) => ({
        ...group,
        env: new Map([...group.env, ...Object.entries(secrets.hosts[groupKey(group)] ?? {})]),
      })),
    },
  };
}

function secretsOf(env: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries([...env].filter(([key]) => isSecretKey(key)));
}

function groupKey(group: HostGroup): string {
  const [first] = group.ips;
  return first === undefined ? '' : formatAddress(first);
}
