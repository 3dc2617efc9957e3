import { join } from 'node:path';
import { badInput } from '@sealos/image';
import * as v from 'valibot';
import { foreignCluster } from '../adopt/foreign-cluster.ts';
import { recordForeignWork } from '../adopt/foreign-markers.ts';
import { withLiveRegistry } from '../adopt/foreign-registry.ts';
import { stateInDirectory, stateInHome, stateOnHost } from '../adopt/foreign-state.ts';
import { readLiveCluster } from '../adopt/live-cluster.ts';
import { type Clusterfile, clusterHosts, registryHosts, type Ssh } from '../cluster/cluster.ts';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import { clusterFromFlags } from '../cluster/from-flags.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { nodeName } from '../kubeadm/node.ts';
import { hostLayout } from '../layout.ts';
import { takeOverPki } from '../pki/take-over.ts';
import { parseRegistryConfig } from '../registry-config/registry-config.ts';
import { restoreCopiedSecrets } from '../state/copied-secrets.ts';
import { restoreSecrets } from '../state/environment-secrets.ts';
import { readIfThere } from '../state/private-file.ts';
import { openState } from '../state/state.ts';
import { CLUSTERFILE_KEY, STATE_SECRET } from '../steps/cluster-state.ts';
import { MASTER_COPY_MARK, setAsideForeignHome } from '../steps/master-access.ts';
import { exists } from './desired.ts';
import { type Connection, isOwnAddress, joinFailures, reachWhatAnswers } from './reach-hosts.ts';

export interface AdoptClusterOptions {
  /** Refuses a cluster of another name; undefined: whatever its name is. */
  readonly cluster: string | undefined;
  /** The text of `--masters`: control planes that are asked, the first that answers tells; undefined: this machine. */
  readonly masters: string | undefined;
  /** A directory of this machine with the state of sealos 4 or 5 (`~/.sealos` or `~/.sealos/CLUSTER` of that operator). */
  readonly from?: string | undefined;
  /** Only say what would be taken over. */
  readonly dryRun?: boolean | undefined;
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

export interface AdoptedCluster {
  readonly cluster: string;
  readonly hosts: number;
  /** Where its state came from, for people. */
  readonly source: string;
  /** What was found: the Clusterfile as it is, or would be, kept. */
  readonly file: Clusterfile;
  readonly warnings: readonly string[];
  /** Kubeconfig of the cluster's administrator on this machine. */
  readonly kubeconfig: string;
}

const KUBERNETES = '/etc/kubernetes';
const secretSchema = v.object({ data: v.record(v.string(), v.string()) });

/** What the cluster keeps of its operator's state, by file name; undefined where it keeps none. */
async function readCopy(host: Host, signal: AbortSignal): Promise<Readonly<Record<string, string>> | undefined> {
  const { stdout } = await host.run(
    script`kubectl --kubeconfig ${`${KUBERNETES}/admin.conf`} -n kube-system get secret ${STATE_SECRET} --ignore-not-found -o json`,
    { title: "reading the cluster's state", signal, timeout: 60_000 },
  );
  if (stdout.trim() === '') return undefined;
  const { data } = v.parse(secretSchema, JSON.parse(stdout));
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]));
}

/** A cluster's state as it was found. */
interface Found {
  readonly file: Clusterfile;
  /** What else this program kept; empty of another's. */
  readonly copy: Readonly<Record<string, string>>;
  readonly source: string;
  readonly warnings: readonly string[];
  /** Addresses of the hosts on which another program did the work; undefined: this program did it. */
  readonly foreign: readonly string[] | undefined;
}

async function findState(host: Host, options: AdoptClusterOptions): Promise<Found> {
  const { cluster, signal } = options;
  const copy = options.from === undefined ? await readCopy(host, signal) : undefined;
  const text = copy?.[CLUSTERFILE_KEY];
  if (copy && text !== undefined) {
    const source = `Secret kube-system/${STATE_SECRET}`;
    const file = restoreSecrets(parseClusterfile(text, { name: `${host.name}:${STATE_SECRET}` }), copy['environment.yml']);
    return { file, copy, source, warnings: [], foreign: undefined };
  }
  const { home } = await openState(cluster ?? 'default');
  const state =
    options.from === undefined
      ? ((await stateInHome(home)) ?? (await stateOnHost(host, cluster, signal)))
      : await stateInDirectory(options.from, cluster);
  const live = await readLiveCluster(host, signal);
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const { file, members, warnings } = foreignCluster({ state, live, name: cluster ?? 'default', ssh: options.ssh, now });
  return { file, copy: {}, source: state?.from ?? "the cluster's own nodes and kubeadm-config", warnings, foreign: members };
}

/**
 * `sealos adopt`: rebuilds the state of a cluster on this machine from the cluster itself, for an operator that was lost or another
 * that takes over; also of a cluster that sealos 4 or 5, or kubeadm alone, made. Nothing on the hosts is changed; on those of another
 * program's cluster it is recorded, in this program's own directory, what is done already, and that program's state is set aside. Refuses (exit 2) where this machine holds that
 * cluster already.
 */
export async function adoptCluster(options: AdoptClusterOptions): Promise<AdoptedCluster> {
  const { connection, signal } = options;
  const asked = clusterFromFlags({
    name: options.cluster ?? 'default',
    images: [],
    masters: options.masters ?? connection.localIp(),
    ssh: options.ssh,
  });
  await using hosts = await reachWhatAnswers(asked, connection, signal);
  const [first] = hosts.reached;
  if (!first) throw joinFailures(hosts.unreached.map(({ error }) => error));
  const { host } = first;
  if ((await host.readFile(`${KUBERNETES}/admin.conf`, { signal })) === undefined)
    throw badInput('no-control-plane', `${host.name} is no control plane: it has no ${KUBERNETES}/admin.conf`, 'name one with --masters');
  const found = await findState(host, options);
  const { name } = found.file.cluster;
  if (options.cluster !== undefined && options.cluster !== name)
    throw badInput('other-cluster', `the cluster of ${host.name} is named '${name}', not '${options.cluster}'`);

  const state = await openState(name);
  const { source, warnings, foreign } = found;
  const whole = { ...found.file, cluster: { ...found.file.cluster, ssh: { ...found.file.cluster.ssh, ...options.ssh } } };
  const result = {
    cluster: name,
    hosts: clusterHosts(whole.cluster).length,
    source,
    warnings,
    file: whole,
    kubeconfig: `${state.etc}/admin.conf`,
  };
  if (options.dryRun) return result;
  await using _lock = await state.lock('adopt');
  // On a control plane lies a copy for images' scripts, or of another program's state, which is no operator's state of this one.
  const here = await readIfThere(join(state.home, 'Clusterfile'));
  const isOwn = here !== undefined && !here.startsWith(MASTER_COPY_MARK) && foreign === undefined;
  if (isOwn && exists(await state.read()))
    throw badInput('already-here', `this machine holds the state of cluster '${name}' already, in ${state.home}`, 'move it away first');
  // Work is recorded on every host of another program's cluster: all of them must answer.
  const wanted = whole.cluster.hosts.filter(({ roles }) => foreign !== undefined || roles.includes('master'));
  await using members = await reachWhatAnswers({ ...whole.cluster, hosts: wanted }, connection, signal);
  if (foreign !== undefined && members.unreached.length > 0) throw joinFailures(members.unreached.map(({ error }) => error));
  const sources = members.reached
    .filter(({ spec }) => spec.roles.includes('master'))
    .map((reached) => ({ host: reached.host, nodeName: nodeName(reached.facts.hostname) }));
  await takeOverPki(state.home, sources, signal);
  await restoreCopiedSecrets(state, found.copy);
  for (const { host: member } of members.reached)
    if (foreign?.includes(member.address.ip)) await recordForeignWork(member, whole.cluster, signal);
  const registry = members.reached.find(({ spec }) => spec.address.ip === registryHosts(whole.cluster)[0]?.address.ip);
  const yaml = foreign && (await registry?.host.readFile(`${hostLayout(name).rootfs}/etc/registry.yml`, { signal }));
  const live = yaml && parseRegistryConfig(Buffer.from(yaml).toString(), 'etc/registry.yml');
  // With a Clusterfile the cluster is here.
  await state.write(live ? { ...whole, cluster: withLiveRegistry(whole.cluster, live) } : whole);
  if (foreign === undefined) return result;
  const kept: string[] = [];
  for (const { host: member, spec } of members.reached) {
    // On this machine it is this program's own state now.
    if (!spec.roles.includes('master') || isOwnAddress(spec.address.ip)) continue;
    const path = await setAsideForeignHome(member, name, signal);
    if (path !== undefined)
      kept.push(`what the other program kept on ${member.name} lies in ${path} now, keys among it, until the cluster is reset`);
  }
  return { ...result, warnings: [...warnings, ...kept] };
}
