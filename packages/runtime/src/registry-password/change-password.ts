import { badInput, SealosError } from '@sealos/image';
import { type Cluster, registryHosts, type Ssh } from '../cluster/cluster.ts';
import { registryConfigOn } from '../cluster-registry/open-registry.ts';
import { DISTRIBUTIONS } from '../distribution.ts';
import type { OnRunEvent } from '../event.ts';
import { executePlan } from '../execute.ts';
import { openJournal } from '../journal.ts';
import { refuseK3s } from '../k3s/cluster-distribution.ts';
import { hostLayout } from '../layout.ts';
import { htpasswd } from '../registry-config/credentials.ts';
import type { RegistryConfig } from '../registry-config/registry-config.ts';
import { givenEnvironment, keepGivenEnvironment } from '../run/given-environment.ts';
import { type Connection, type ReachedHosts, reachHosts } from '../run/reach-hosts.ts';
import { storedCluster } from '../run/stored-cluster.ts';
import { copiedSecrets } from '../state/copied-secrets.ts';
import { lastingClusterfile } from '../state/lasting-clusterfile.ts';
import type { ClusterState } from '../state/state.ts';
import { clusterStateStep } from '../steps/cluster-state.ts';
import { checkRegistryLogin } from './check-login.ts';
import { loginStep, registryLoginStep } from './password-steps.ts';

export interface ChangePasswordOptions {
  readonly cluster: string;
  readonly username: string;
  readonly password: string;
  /** Where the registry reads its logins. */
  readonly htpasswdPath: string;
  /** image-cri-shim's configuration; hosts without it have no shim. */
  readonly shimPath: string;
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly onEvent: OnRunEvent;
  readonly signal: AbortSignal;
}

/**
 * Gives a cluster's registry another login: on its hosts, on all hosts that log in to it, and for hosts that join later. All hosts have to
 * answer; nothing is changed otherwise. A call that was cut off is repeated: each file has the old or the new content, and what reads
 * one is started again each time.
 */
export async function changeRegistryPassword(
  options: ChangePasswordOptions,
): Promise<{ readonly registry: string; readonly changed: number }> {
  const { signal, onEvent, username, password } = options;
  checkRegistryLogin(username, password);
  const { state } = await storedCluster(options.cluster, options.ssh);
  await using _lock = await state.lock('registry passwd');
  const { stored } = await storedCluster(options.cluster, options.ssh);
  const { cluster } = stored;
  refuseK3s(cluster, "change the registry's password", 'choose one when the cluster is made, with -e registryPassword=…');
  await using hosts = await reachHosts(cluster, options.connection, signal);
  const { rootfs } = hostLayout(cluster.name);
  const config = { ...(await configOf(cluster, hosts, signal)), username, password };
  const logins = await remember(state, cluster, config);

  const on = registryHosts(cluster).map(({ address }) => address);
  const paths = [options.htpasswdPath, `${rootfs}/etc/registry_htpasswd`];
  const steps = [
    registryLoginStep({ hosts: on, paths, logins, config }),
    loginStep({
      hosts: hosts.reached.map(({ spec }) => spec.address),
      rootfs,
      shimPath: options.shimPath,
      config,
      needs: ['registry-login'],
    }),
  ];
  await using journal = await openJournal(state.logs, 'registry passwd');
  const execute = (...wanted: Parameters<typeof executePlan>[0]['steps']) =>
    executePlan({ steps: wanted }, hosts.hostOf, {
      signal,
      onEvent: (event) => {
        journal.onEvent(event);
        onEvent(event);
      },
    });
  const { changed } = await execute(...steps);
  const seat = hosts.reached.find(({ spec }) => spec.roles.includes('master'));
  if (seat) {
    const copy = async () => ({ clusterfile: lastingClusterfile(stored, cluster.createdAt), secrets: await copiedSecrets(state) });
    await execute(clusterStateStep({ seat: seat.spec.address, kubeconfig: DISTRIBUTIONS.kubernetes.kubeconfig, needs: [], copy })).catch(
      (error: unknown) => {
        signal.throwIfAborted();
        if (!(error instanceof SealosError)) throw error;
        const message = `the copy of the state in the cluster still has the old password until the next run: ${error.message}`;
        onEvent({ at: new Date().toISOString(), kind: 'warning', message });
      },
    );
  }
  return { registry: `${config.domain}:${config.port}`, changed };
}

/** The registry as the hosts know it; where it cannot be read nothing is changed. */
async function configOf(cluster: Cluster, hosts: ReachedHosts, signal: AbortSignal): Promise<RegistryConfig> {
  const [registry] = registryHosts(cluster);
  if (registry === undefined) throw badInput('no-registry', `cluster '${cluster.name}' has no host for a registry`);
  const config = await registryConfigOn(hosts.hostOf(registry.address), cluster, signal);
  if (config.username === '' || config.password === '') {
    throw badInput(
      'no-login',
      `the registry of cluster '${cluster.name}' asks for no login`,
      'run the rootfs image again with -e registryPassword=… to have it ask for one',
    );
  }
  return config;
}

/** What later runs read, before any host is changed: a host that joins meanwhile gets the new login. Returns the htpasswd file. */
async function remember(state: ClusterState, cluster: Cluster, config: RegistryConfig): Promise<string> {
  const { username, password } = config;
  const logins = await htpasswd(config, await state.readSecret('registry_htpasswd'));
  if (logins === undefined) throw new TypeError('a login makes no htpasswd file');
  const rootfs = cluster.status.mounts.find(({ type }) => type === 'rootfs')?.imageName;
  const given = new Map(await givenEnvironment(state, new Set(), new Map()));
  if (rootfs !== undefined) {
    given.set(rootfs, new Map([...(given.get(rootfs) ?? []), ['registryUsername', username], ['registryPassword', password]]));
    await keepGivenEnvironment(state, given);
  }
  if ((await state.readSecret('registry-password')) !== undefined) await state.writeSecret('registry-password', password);
  await state.writeSecret('registry_htpasswd', logins);
  return logins;
}
