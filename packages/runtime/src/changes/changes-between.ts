import { parseReference, SealosError } from '@sealos/image';
import semver from 'semver';
import { formatAddress } from '../address-list.ts';
import { type Cluster, type Clusterfile, type ClusterHost, clusterHosts, type Environment, masters, type Ssh } from '../cluster/cluster.ts';
import { layeredOptions } from '../k3s/documents.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import { standardDocuments } from '../kubeadm/standard.ts';
import type { Change } from './change.ts';
import { configChanges } from './config-changes.ts';
import { k3sChanges } from './k3s-changes.ts';
import { kubeadmChanges } from './kubeadm-changes.ts';
import { actionOf, isSecretName, shown, values } from './shown.ts';

export interface ChangesContext {
  /**
   * What both Clusterfiles' kubeadm documents lie on: our defaults and the image's own (`standardDocuments`). Where it is not given, our
   * defaults for the version that the state names: then what only the image's own documents say counts as changed when it is written down.
   */
  readonly kubeadmBase?: readonly KubeadmDocument[] | undefined;
  /** What `-e` gave each image by name, before and now. */
  readonly given?: { readonly before: ReadonlyMap<string, Environment>; readonly now: ReadonlyMap<string, Environment> } | undefined;
}

/**
 * Everything in which a cluster that is wanted differs from the one that is, in the order in which it is told. Pure. What was done (status,
 * times) and what is never stored (login passwords and key texts) does not count, nor do unknown members. Empty: nothing differs.
 */
export function changesBetween(stored: Clusterfile, desired: Clusterfile, context: ChangesContext = {}): readonly Change[] {
  const [from, to] = [stored.cluster, desired.cluster];
  const given = context.given ?? { before: new Map(), now: new Map() };
  const images = [...new Set([...given.before.keys(), ...given.now.keys()])];
  return [
    ...imageChanges(from, to),
    ...hostChanges(from, to),
    ...loginChanges('all hosts', from.ssh, to.ssh),
    ...environmentChanges('cluster', from.env, to.env),
    ...images.flatMap((name) => environmentChanges(name, given.before.get(name), given.now.get(name))),
    ...commandChanges(from.command, to.command),
    ...kubeadmChanges(stored.kubeadm, desired.kubeadm, context.kubeadmBase ?? defaultsOf(from)),
    ...k3sChanges(layeredOptions({ userOptions: stored.k3s }), layeredOptions({ userOptions: desired.k3s })),
    ...configChanges(stored.configs, desired.configs),
  ];
}

/** Throws bad input that names all changes which a cluster that stands cannot take, a line each; does nothing where there are none. */
export function refuseImpossible(changes: readonly Change[], clusterName: string): void {
  const refused = changes.filter((change) => change.refused !== undefined);
  if (refused.length === 0) return;
  const lines = refused.map(({ subject, from, to, refused: why }) => {
    const what = from === undefined && to === undefined ? '' : ` (${from ?? 'nothing'} -> ${to ?? 'nothing'})`;
    return `${subject}${what}: ${why}`;
  });
  const [only] = lines;
  const text = lines.length === 1 ? ` ${only}` : `\n  ${lines.join('\n  ')}`;
  throw new SealosError('impossible-change', `cluster ${clusterName} stands and cannot be changed in this:${text}`, {
    exitCode: 2,
    hint: 'put the old value back into the Clusterfile, or make a new cluster',
  });
}

function defaultsOf(cluster: Cluster): readonly KubeadmDocument[] {
  const version = cluster.status.mounts.find(({ type }) => type === 'rootfs')?.labels['version'];
  if (version === undefined || semver.parse(version) === null) return [];
  return standardDocuments({ version, imageDocuments: [], auditPolicy: true, master: masters(cluster)[0]?.address.ip ?? '' });
}

function imageChanges(from: Cluster, to: Cluster): readonly Change[] {
  const added = to.images.filter((name) => !from.images.includes(name));
  const replaced = new Map<string, string>();
  const removed = from.images.filter((name) => {
    if (to.images.includes(name)) return false;
    const next = added.find((other) => !replaced.has(other) && repositoryOf(other) === repositoryOf(name));
    if (next !== undefined) replaced.set(next, name);
    return next === undefined;
  });
  const typeOf = (name: string) => from.status.mounts.find((mount) => mount.imageName === name)?.type;
  const stay = (one: Cluster, other: Cluster) => one.images.filter((name) => other.images.includes(name));
  const [before, after] = [stay(from, to).join(', '), stay(to, from).join(', ')];
  return [
    ...removed.map((subject): Change => {
      const isRootfs = typeOf(subject) === 'rootfs' && !added.some((name) => replaced.get(name) === undefined);
      return {
        kind: 'image',
        action: 'remove',
        subject,
        ...(isRootfs ? { refused: 'a cluster needs its rootfs image' } : { note: 'what it did to the cluster stays' }),
      };
    }),
    ...added.map((subject): Change => {
      const old = replaced.get(subject);
      if (old === undefined) return { kind: 'image', action: 'add', subject };
      const note = typeOf(old) === 'rootfs' ? 'upgrades the cluster' : 'runs the new one in its place';
      return { kind: 'image', action: 'change', subject: repositoryOf(subject), from: old, to: subject, note };
    }),
    ...(before === after ? [] : [{ kind: 'image', action: 'change', subject: 'order', from: before, to: after } as const]),
  ];
}

/** An image's name without its tag or digest; a name that is none is compared as it is. */
function repositoryOf(name: string): string {
  try {
    const { registry, repository } = parseReference(name);
    return `${registry}/${repository}`;
  } catch (error) {
    if (error instanceof SealosError) return name;
    throw error;
  }
}

function hostChanges(from: Cluster, to: Cluster): readonly Change[] {
  const byIp = (cluster: Cluster) => new Map(clusterHosts(cluster).map((host) => [host.address.ip, host]));
  const [before, after] = [byIp(from), byIp(to)];
  const rolesOf = ({ roles }: ClusterHost) => [...roles].sort().join(', ');
  const moved = (action: 'add' | 'remove', host: ClusterHost): Change => ({
    kind: 'host',
    action,
    subject: host.address.ip,
    note: rolesOf(host),
  });
  return [
    ...[...before.values()].filter(({ address }) => !after.has(address.ip)).map((host) => moved('remove', host)),
    ...[...after.values()].flatMap((host): readonly Change[] => {
      const { ip } = host.address;
      const old = before.get(ip);
      if (old === undefined) return [moved('add', host)];
      const becomes = old.roles.includes('master') !== host.roles.includes('master');
      const roles: readonly Change[] =
        rolesOf(old) === rolesOf(host)
          ? []
          : [
              {
                kind: 'host',
                action: 'change',
                subject: `${ip} roles`,
                from: rolesOf(old),
                to: rolesOf(host),
                ...(becomes ? { refused: 'a host does not change between control plane and worker: take it out, then add it' } : {}),
              },
            ];
      const [address, next] = [formatAddress(old.address), formatAddress(host.address)];
      return [
        ...roles,
        ...(address === next ? [] : [{ kind: 'login', action: 'change', subject: `${ip} port`, from: address, to: next } as const]),
        ...loginChanges(ip, ownLogin(from, ip), ownLogin(to, ip)),
        ...environmentChanges(ip, old.env, host.env),
      ];
    }),
  ];
}

function ownLogin(cluster: Cluster, ip: string): Ssh {
  return cluster.hosts.find(({ ips }) => ips.some((address) => address.ip === ip))?.ssh ?? {};
}

/** Login settings that are stored: a password or a key's text that stands in a Clusterfile is never kept, and would differ each time. */
function loginChanges(scope: string, from: Ssh, to: Ssh): readonly Change[] {
  const [before, after] = [new Map(Object.entries(from)), new Map(Object.entries(to))];
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((member): readonly Change[] => {
    const [old, now] = [before.get(member), after.get(member)].map((value): string | undefined =>
      value === undefined ? undefined : shown(member, value),
    );
    // The port of each host is told with its address.
    if (old === now || isSecretName(member) || member === 'port') return [];
    return [{ kind: 'login', action: actionOf(old, now), subject: `${scope} ${member}`, ...values(member, old, now) }];
  });
}

const nothing: Environment = new Map();

function environmentChanges(scope: string, from: Environment = nothing, to: Environment = nothing): readonly Change[] {
  return [...new Set([...from.keys(), ...to.keys()])].flatMap((key): readonly Change[] => {
    const [old, now] = [from.get(key), to.get(key)];
    return old === now ? [] : [{ kind: 'environment', action: actionOf(old, now), subject: `${scope} ${key}`, ...values(key, old, now) }];
  });
}

function commandChanges(from: readonly string[], to: readonly string[]): readonly Change[] {
  if (from.length === to.length && from.every((line, index) => line === to[index])) return [];
  const [old, now] = [from, to].map((lines) => (lines.length === 0 ? undefined : lines.join('; ')));
  return [{ kind: 'command', action: actionOf(old, now), subject: 'spec.command', ...values('command', old, now) }];
}
