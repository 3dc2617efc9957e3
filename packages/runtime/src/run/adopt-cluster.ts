import { join } from 'node:path';
import { badInput } from '@sealos/image';
import * as v from 'valibot';
import { type Clusterfile, clusterHosts, type Ssh } from '../cluster/cluster.ts';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import { clusterFromFlags } from '../cluster/from-flags.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { nodeName } from '../kubeadm/node.ts';
import { takeOverPki } from '../pki/take-over.ts';
import { restoreCopiedSecrets } from '../state/copied-secrets.ts';
import { restoreSecrets } from '../state/environment-secrets.ts';
import { readIfThere } from '../state/private-file.ts';
import { openState } from '../state/state.ts';
import { CLUSTERFILE_KEY, STATE_SECRET } from '../steps/cluster-state.ts';
import { MASTER_COPY_MARK } from '../steps/master-access.ts';
import { exists } from './desired.ts';
import { type Connection, joinFailures, reachWhatAnswers } from './reach-hosts.ts';

export interface AdoptClusterOptions {
  /** Refuses a cluster of another name; undefined: whatever its name is. */
  readonly cluster: string | undefined;
  /** The text of `--masters`: control planes that are asked, the first that answers tells; undefined: this machine. */
  readonly masters: string | undefined;
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

export interface AdoptedCluster {
  readonly cluster: string;
  readonly hosts: number;
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

/**
 * `sealos adopt`: rebuilds the state of a cluster on this machine from the cluster itself, for an operator that was lost or another
 * that takes over. Nothing on the hosts is changed. Refuses (exit 2) where this machine holds that cluster already.
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
  const copy = await readCopy(host, signal);
  const text = copy?.[CLUSTERFILE_KEY];
  if (!copy || text === undefined)
    throw badInput(
      'no-state',
      `the cluster of ${host.name} keeps no state of sealos`,
      `it would be the Secret kube-system/${STATE_SECRET}`,
    );
  const file = parseClusterfile(text, { name: `${host.name}:${STATE_SECRET}` });
  const { name } = file.cluster;
  if (options.cluster !== undefined && options.cluster !== name)
    throw badInput('other-cluster', `the cluster of ${host.name} is named '${name}', not '${options.cluster}'`);

  const state = await openState(name);
  await using _lock = await state.lock('adopt');
  // On a control plane lies a copy for images' scripts, which is no operator's state.
  const here = await readIfThere(join(state.home, 'Clusterfile'));
  if (here !== undefined && !here.startsWith(MASTER_COPY_MARK) && exists(await state.read()))
    throw badInput('already-here', `this machine holds the state of cluster '${name}' already, in ${state.home}`, 'move it away first');
  const whole = adopted(file, copy, options.ssh);
  const groups = whole.cluster.hosts.filter(({ roles }) => roles.includes('master'));
  await using masters = await reachWhatAnswers({ ...whole.cluster, hosts: groups }, connection, signal);
  const sources = masters.reached.map((reached) => ({ host: reached.host, nodeName: nodeName(reached.facts.hostname) }));
  await takeOverPki(state.home, sources, signal);
  await restoreCopiedSecrets(state, copy);
  // Last: with a Clusterfile the cluster is here.
  await state.write(whole);
  return { cluster: name, hosts: clusterHosts(file.cluster).length, kubeconfig: `${state.etc}/admin.conf` };
}

function adopted(file: Clusterfile, copy: Readonly<Record<string, string>>, ssh: Ssh): Clusterfile {
  const whole = restoreSecrets(file, copy['environment.yml']);
  return { ...whole, cluster: { ...whole.cluster, ssh: { ...whole.cluster.ssh, ...ssh } } };
}
