import { type Platform, parseReference, type Store } from '@sealos/image';
import { type Cluster, type Environment, registryHosts } from '../cluster/cluster.ts';
import type { RunEvent } from '../event.ts';
import { executePlan } from '../execute.ts';
import { parseEnvironment } from '../image-contract/environment.ts';
import { openJournal } from '../journal.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import { planCluster } from '../plan/plan-cluster.ts';
import { openState } from '../state/state.ts';
import { applicationStepId } from '../steps/application.ts';
import { desiredCluster, exists, type RunRequest } from './desired.ts';
import { givenEnvironment, keepGivenEnvironment } from './given-environment.ts';
import type { LoadedImage } from './load-image.ts';
import { preflight, refuseFatal } from './preflight.ts';
import { loadImages, platformOfHosts, preparePlan, type ReachedHost, rootfsOf } from './prepare.ts';
import { type Connection, reachHosts } from './reach-hosts.ts';
import { mountOf, withCommandCondition, withPhase } from './remember.ts';

export interface RunClusterOptions {
  readonly request: RunRequest;
  readonly connection: Connection;
  readonly store: Store;
  readonly pull: (name: string, platform: Platform, signal: AbortSignal) => Promise<void>;
  readonly userDocuments: readonly KubeadmDocument[];
  readonly dryRun: boolean;
  readonly force: boolean;
  readonly keepGoing: boolean;
  readonly sealosVersion: string;
  /** Milliseconds that one remote command may take; undefined: as long as it takes. */
  readonly timeout: number | undefined;
  readonly onEvent: (event: RunEvent) => void;
  readonly signal: AbortSignal;
}

export interface RunResult {
  readonly cluster: string;
  /** Steps that changed something, over all hosts; 0: everything was as it should be. */
  readonly changed: number;
  /** Kubeconfig of the cluster's administrator on this machine. */
  readonly kubeconfig: string;
  readonly master0: string;
}

const now = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

/** The port that the registry will listen on; what its own file says is read later, when it is rendered. */
function registryPort(rootfs: LoadedImage, cluster: Cluster, given: ReadonlyMap<string, Environment>): number {
  const { name, env } = rootfs.contract;
  return Number(given.get(name)?.get('registryPort') ?? cluster.env.get('registryPort') ?? env.get('registryPort')) || 5000;
}

interface CheckInput {
  readonly cluster: Cluster;
  readonly hosts: readonly ReachedHost[];
  readonly images: readonly LoadedImage[];
  readonly given: ReadonlyMap<string, Environment>;
  readonly warn: (message: string, host?: string) => void;
}

/** Refuses hosts that cannot carry the cluster, all findings at once; what is only worth knowing is told. */
function checkHosts({ cluster, hosts, images, given, warn }: CheckInput): void {
  const registryIp = registryHosts(cluster)[0]?.address.ip;
  const payload = images.reduce((sum, image) => sum + image.payloadBytes, 0);
  const containerImages = images.reduce((sum, image) => sum + image.registryBytes, 0);
  const inspected = hosts.map(({ host, spec, facts, fresh }) => ({
    name: host.name,
    roles: spec.roles,
    facts,
    fresh,
    bytesNeeded: fresh ? payload + (spec.address.ip === registryIp ? containerImages : 0) : 0,
  }));
  const registryHost = hosts.find(({ spec }) => spec.address.ip === registryIp)?.host.name ?? '';
  const findings = preflight(inspected, { host: registryHost, port: registryPort(rootfsOf(images), cluster, given) });
  refuseFatal(findings);
  for (const finding of findings) warn(`${finding.host}: ${finding.message}`, finding.host);
}

/**
 * `sealos run`: brings the hosts to the cluster that is asked for. Refuses (exit 2) before anything is touched whatever can be known
 * to be wrong; from then on every step may be interrupted, and the same call goes on where it stopped.
 */
export async function runCluster(options: RunClusterOptions): Promise<RunResult> {
  const { request, dryRun, signal, onEvent } = options;
  // Whatever the words themselves have wrong is said before any host is asked.
  const commandLine = parseEnvironment(request.env, '-e');
  for (const name of request.images) parseReference(name);
  const state = await openState(request.cluster);
  await using _lock = await state.lock(`run ${request.images.join(' ')}`);
  const stored = await state.read();
  const desired = desiredCluster(request, stored, options.connection.localIp);
  const warned = new Set<string>();
  const warn = (message: string, host?: string) => {
    if (warned.has(message)) return;
    warned.add(message);
    onEvent({ at: new Date().toISOString(), kind: 'warning', message, ...(host === undefined ? {} : { host }) });
  };

  await using hosts = await reachHosts(desired, options.connection, signal);
  const requested = new Set(request.images);
  const images = await loadImages(options.store, desired.images, {
    platform: platformOfHosts(hosts.reached),
    pull: options.pull,
    newCluster: !exists(stored),
    signal,
  });
  const userDocuments = options.userDocuments.length > 0 ? options.userDocuments : (stored?.kubeadm ?? []);
  const given = await givenEnvironment(state, requested, commandLine);
  checkHosts({ cluster: desired, hosts: hosts.reached, images, given, warn });

  const input = await preparePlan({
    cluster: desired,
    hosts: hosts.reached,
    images,
    state,
    given,
    requested,
    command: request.command,
    force: options.force,
    keepGoing: options.keepGoing,
    dryRun,
    userDocuments,
    sealosVersion: options.sealosVersion,
    timeout: options.timeout,
    warn,
    signal,
  });

  const plan = planCluster(input);
  const result = { cluster: request.cluster, kubeconfig: `${state.etc}/admin.conf`, master0: input.master0.ip };
  const run = { onEvent, signal, dryRun };
  if (dryRun) {
    const { changed } = await executePlan(plan, hosts.hostOf, run);
    return { ...result, changed };
  }

  const mounted = { ...desired, status: { ...desired.status, mounts: images.map(mountOf) } };
  await keepGivenEnvironment(state, given);
  await using journal = await openJournal(state.logs, 'run');
  const changed = await recorded({
    cluster: mounted,
    requested: request.images,
    applications: new Set(input.commands.map((commands) => applicationStepId(commands.image.name))),
    write: (cluster) => state.write({ cluster, configs: stored?.configs ?? [], kubeadm: userDocuments }),
    async execute(watch) {
      const onBoth = (event: RunEvent) => {
        watch(event);
        journal.onEvent(event);
        onEvent(event);
      };
      return (await executePlan(plan, hosts.hostOf, { ...run, onEvent: onBoth })).changed;
    },
  });
  return { ...result, changed };
}

interface Recording {
  readonly cluster: Cluster;
  readonly requested: readonly string[];
  /** Steps that run images' commands. */
  readonly applications: ReadonlySet<string>;
  readonly write: (cluster: Cluster) => Promise<void>;
  readonly execute: (watch: (event: RunEvent) => void) => Promise<number>;
}

/** Executes between the two writings of the state: it says `InProcess` from before the first change on, and how it ended. */
async function recorded({ cluster, requested, applications, write, execute }: Recording): Promise<number> {
  await write(withPhase(cluster, 'ClusterInProcess', now()));
  let failedStep: string | undefined;
  try {
    const changed = await execute((event) => {
      if (event.kind === 'step-failed') failedStep ??= event.step;
    });
    await write(withCommandCondition(withPhase(cluster, 'ClusterSuccess', now()), requested, now()));
    return changed;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // An application that fails does not make the cluster a failed one.
    const stands = failedStep !== undefined && applications.has(failedStep);
    await write(
      stands
        ? withCommandCondition(withPhase(cluster, 'ClusterSuccess', now()), requested, now(), message)
        : withPhase(cluster, 'ClusterFailed', now(), message),
    );
    throw error;
  }
}
