import type { Platform, Store } from '@sealos/image';
import { type Cluster, type Clusterfile, type ClusterHost, clusterHosts, masters, registryHosts } from '../cluster/cluster.ts';
import { formatClusterfile } from '../cluster/format.ts';
import type { OnRunEvent, RunEvent } from '../event.ts';
import { executePlan } from '../execute.ts';
import { parseEnvironment } from '../image-contract/environment.ts';
import { openJournal } from '../journal.ts';
import { nodeName } from '../kubeadm/node.ts';
import { type ClusterPlanInput, planCluster } from '../plan/plan-cluster.ts';
import { type LeavingHost, planRemoval } from '../plan/plan-removal.ts';
import { copiedSecrets } from '../state/copied-secrets.ts';
import type { ClusterState } from '../state/state.ts';
import type { Plan } from '../step.ts';
import { applicationStepId } from '../steps/application.ts';
import { clusterStateStep } from '../steps/cluster-state.ts';
import { registryContentStep } from '../steps/registry-content.ts';
import { prepareUpgrade } from '../upgrade/prepare-upgrade.ts';
import { beforeUpgrade, resolveUpgrade } from '../upgrade/resolve-upgrade.ts';
import { carryEnvironment, type Upgrade, withNewRootfs } from '../upgrade/upgrade-of.ts';
import { checkHosts } from './check-hosts.ts';
import { exists } from './desired.ts';
import { givenEnvironment, keepGivenEnvironment } from './given-environment.ts';
import { clearingSteps, disown, leftoverHosts } from './leftovers.ts';
import { loadImage } from './load-image.ts';
import { loadImages, platformOfHosts, preparePlan } from './prepare.ts';
import { type Connection, joinFailures, type PartlyReachedHosts, reachWhatAnswers } from './reach-hosts.ts';
import { mountOf, withCommandCondition, withPhase } from './remember.ts';
import { storedPlanInput } from './stored-plan.ts';

/** What every call that changes a cluster is given, whatever it changes. */
export interface ChangeOptions {
  readonly connection: Connection;
  readonly store: Store;
  /** Fetches an image that the store does not have. */
  readonly pull: (name: string, platform: Platform, signal: AbortSignal) => Promise<void>;
  readonly dryRun: boolean;
  readonly sealosVersion: string;
  /** Milliseconds that one remote command may take; undefined: as long as it takes. */
  readonly timeout: number | undefined;
  readonly onEvent: OnRunEvent;
  readonly signal: AbortSignal;
}

/** What a cluster shall be. */
export interface Wish {
  /** The word of the command line, for the journal. */
  readonly verb: string;
  /** What stays and what is new. */
  readonly file: Clusterfile;
  /** Hosts that shall be of the cluster no more. */
  readonly leaving: readonly ClusterHost[];
  /** Images whose commands this call runs. */
  readonly requested: readonly string[];
  /** `-e K=V` for them. */
  readonly env: readonly string[];
  /** `--cmd`: replaces the CMD of the first of them. */
  readonly command: readonly string[];
  /** Runs their commands even where they ended well, and does not wait for pods that do not leave a node. */
  readonly force: boolean;
  readonly keepGoing: boolean;
}

export interface ChangeResult {
  readonly cluster: string;
  /** Steps that changed something, over all hosts; 0: everything was as it should be. */
  readonly changed: number;
  /** Kubeconfig of the cluster's administrator on this machine. */
  readonly kubeconfig: string;
  readonly master0: string;
}

const now = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z');
const ipsOf = (hosts: readonly ClusterHost[]) => new Set(hosts.map(({ address }) => address.ip));

/** Whether hosts only leave, and none that holds what others need: then the images themselves are not asked for. */
function onlyTakesAway(stored: Clusterfile, { file, leaving, requested }: Wish): boolean {
  const before = ipsOf(clusterHosts(stored.cluster));
  const gone = ipsOf(leaving);
  const holders = [...masters(stored.cluster).slice(0, 1), ...registryHosts(stored.cluster).slice(0, 1)];
  return (
    leaving.length > 0 &&
    requested.length === 0 &&
    clusterHosts(file.cluster).every(({ address }) => before.has(address.ip)) &&
    !holders.some(({ address }) => gone.has(address.ip))
  );
}

/** Steps by which hosts find the API and the registry; all that those that stay need to hear when others leave. */
const ADDRESS_STEPS = ['registry-name', 'api-name', 'api-address', 'api-members', 'api-guard'];

function addressSteps(input: ClusterPlanInput): Plan {
  const steps = planCluster(input).steps.filter(({ id }) => ADDRESS_STEPS.includes(id));
  return { steps: steps.map((step) => ({ ...step, needs: step.needs.filter((id) => ADDRESS_STEPS.includes(id)) })) };
}

/** The hosts of a change: all must answer but those that leave. */
async function reach(cluster: Cluster, leaving: readonly ClusterHost[], options: ChangeOptions): Promise<PartlyReachedHosts> {
  const groups = leaving.map((host) => ({ ips: [host.address], roles: host.roles, env: host.env, ssh: host.ssh }));
  const hosts = await reachWhatAnswers({ ...cluster, hosts: [...cluster.hosts, ...groups] }, options.connection, options.signal);
  const gone = ipsOf(leaving);
  const missed = hosts.unreached.filter(({ spec }) => !gone.has(spec.address.ip));
  if (missed.length === 0) return hosts;
  await hosts[Symbol.asyncDispose]();
  throw joinFailures(missed.map(({ error }) => error));
}

/**
 * Brings hosts to the cluster that is wanted: what is new is added, then what leaves is taken away. Refuses (exit 2) before anything is
 * touched whatever can be known to be wrong; from then on every step may be interrupted, and the same call goes on where it stopped.
 * The caller holds the state's lock.
 */
export async function converge(
  state: ClusterState,
  stored: Clusterfile | undefined,
  wish: Wish,
  options: ChangeOptions,
): Promise<ChangeResult> {
  const { dryRun, signal, onEvent } = options;
  const { kubeadm } = wish.file;
  const commandLine = parseEnvironment(wish.env, '-e');
  const requested = new Set(wish.requested);
  const warn = warner(onEvent);
  await using hosts = await reach(wish.file.cluster, wish.leaving, options);
  const gone = ipsOf(wish.leaving);
  const leftovers = leftoverHosts(hosts.reached, stored);
  const staying = hosts.reached
    .filter(({ spec }) => !gone.has(spec.address.ip))
    .map((reached) => (leftovers.includes(reached) ? { ...reached, markers: new Set<string>() } : reached));
  for (const { spec } of hosts.unreached) warn(`${spec.address.ip} does not answer: it is only taken out of the cluster's books`);
  let given = await givenEnvironment(state, requested, commandLine);
  const loading = { platform: platformOfHosts(staying), pull: options.pull, signal };
  const had = stored?.cluster.status.mounts ?? [];
  const cluster = await withNewRootfs(wish.file.cluster, had, async (name) => (await loadImage(options.store, name, loading)).contract);

  let input: ClusterPlanInput;
  let plan: Plan;
  let upgrade: Upgrade | undefined;
  let mounts = cluster.status.mounts;
  if (stored && onlyTakesAway(stored, wish)) {
    input = await storedPlanInput({ ...options, cluster, hosts: { ...hosts, reached: staying }, given });
    plan = addressSteps(input);
  } else {
    const images = await loadImages(options.store, cluster.images, { ...loading, newCluster: !exists(stored) });
    upgrade = resolveUpgrade(stored, images, { staying, leaving: wish.leaving.length });
    if (upgrade) given = carryEnvironment(given, upgrade);
    checkHosts({ cluster, hosts: staying, images, given, warn });
    input = await preparePlan({
      ...options,
      cluster,
      hosts: staying,
      images,
      state,
      given,
      requested,
      command: wish.command,
      force: wish.force,
      keepGoing: wish.keepGoing,
      userDocuments: kubeadm,
      warn,
    });
    const { force } = wish;
    plan = upgrade
      ? await prepareUpgrade({
          ...options,
          upgrade,
          input,
          mounts: had,
          images,
          hosts: staying,
          state,
          env: cluster.env,
          given,
          force,
          warn,
        })
      : planCluster(input);
    mounts = images.map(mountOf);
  }
  const mounted = { ...cluster, status: { ...cluster.status, mounts } };
  const clearing = leftovers.flatMap(({ spec }) => clearingSteps(input, spec.address));
  const cleared = clearing.map(({ id }) => id);
  const steps = [...clearing, ...plan.steps.map((step) => ({ ...step, needs: [...cleared, ...step.needs] }))];
  const held = stored && registryHosts(stored.cluster)[0];
  const holder = hosts.reached.find(({ spec }) => spec.address.ip === held?.address.ip);
  if (holder && holder.spec.address.ip !== input.registry.host.ip) {
    steps.push(registryContentStep({ layout: input.layout, from: holder.host, to: input.registry.host, needs: ['init-registry'] }));
  }
  if (stored && wish.leaving.length > 0) {
    const made = planCluster(await storedPlanInput({ ...options, cluster: stored.cluster, hosts, given }));
    steps.push(
      ...planRemoval({
        seat: input.seat,
        leaving: leavingHosts(wish.leaving, hosts),
        made,
        needs: steps.map(({ id }) => id),
        force: wish.force,
        hostOf: hosts.hostOf,
      }),
    );
  }
  steps.push(
    clusterStateStep({
      seat: input.seat,
      needs: steps.map(({ id }) => id),
      copy: async () => ({
        clusterfile: lastingClusterfile({ ...wish.file, cluster: mounted }, (await state.read())?.cluster.createdAt),
        secrets: await copiedSecrets(state),
      }),
    }),
  );

  const result = { cluster: cluster.name, kubeconfig: `${state.etc}/admin.conf`, master0: input.master0.ip };
  if (dryRun) return { ...result, changed: (await executePlan({ steps }, hosts.hostOf, options)).changed };

  // Before the state names them: a call that is cut off in between must find them as new as this one did.
  for (const leftover of leftovers) await disown(leftover, cluster.name, signal);
  await keepGivenEnvironment(state, given);
  await using journal = await openJournal(state.logs, wish.verb, [wish.verb, ...wish.requested].join(' '));
  const changed = await recorded({
    before: meanwhile(upgrade && stored ? beforeUpgrade(mounted, stored.cluster) : mounted, stored),
    standing: meanwhile(mounted, stored),
    after: mounted,
    requested: wish.requested,
    applications: new Set(input.commands.map((commands) => applicationStepId(commands.image.name))),
    write: (written) => state.write({ ...wish.file, cluster: written }),
    async execute(watch) {
      const onAll = (event: RunEvent) => {
        watch(event);
        journal.onEvent(event);
        onEvent(event);
      };
      return (await executePlan({ steps }, hosts.hostOf, { onEvent: onAll, signal })).changed;
    },
  });
  return { ...result, changed };
}

function warner(onEvent: OnRunEvent): (message: string, host?: string) => void {
  const warned = new Set<string>();
  return (message, host) => {
    if (warned.has(message)) return;
    warned.add(message);
    onEvent({ at: new Date().toISOString(), kind: 'warning', message, ...(host === undefined ? {} : { host }) });
  };
}

function leavingHosts(leaving: readonly ClusterHost[], hosts: PartlyReachedHosts): readonly LeavingHost[] {
  return leaving.map(({ address, roles }) => {
    const reached = hosts.reached.find(({ spec }) => spec.address.ip === address.ip);
    return { address, controlPlane: roles.includes('master'), node: reached && nodeName(reached.facts.hostname) };
  });
}

/** What the state says until all is done: the hosts that were there, in their order, leaving or not, then the new ones. */
function meanwhile(wanted: Cluster, stored: Clusterfile | undefined): Cluster {
  if (!stored) return wanted;
  const known = ipsOf(clusterHosts(stored.cluster));
  const added = wanted.hosts.map((group) => ({ ...group, ips: group.ips.filter(({ ip }) => !known.has(ip)) }));
  return { ...wanted, hosts: [...stored.cluster.hosts, ...added.filter(({ ips }) => ips.length > 0)] };
}

/** The Clusterfile without what differs from run to run. */
export function lastingClusterfile(file: Clusterfile, createdAt: string | undefined): string {
  const { cluster } = file;
  const status = { mounts: cluster.status.mounts, phase: 'ClusterSuccess' as const, conditions: [], commandConditions: [] };
  return formatClusterfile({ ...file, cluster: { ...cluster, ...(createdAt === undefined ? {} : { createdAt }), status } });
}

interface Recording {
  /** What the state says from before the first change on. */
  readonly before: Cluster;
  /** What it says when only an image's commands failed. */
  readonly standing: Cluster;
  /** What it says when all went well. */
  readonly after: Cluster;
  readonly requested: readonly string[];
  /** Steps that run images' commands. */
  readonly applications: ReadonlySet<string>;
  readonly write: (cluster: Cluster) => Promise<void>;
  readonly execute: (watch: (event: RunEvent) => void) => Promise<number>;
}

/** Executes between the two writings of the state: it says `InProcess` from before the first change on, and how it ended. */
async function recorded({ before, standing, after, requested, applications, write, execute }: Recording): Promise<number> {
  const begun = withPhase(before, 'ClusterInProcess', now());
  await write(begun);
  const createdAt = begun.createdAt ?? now();
  let failedStep: string | undefined;
  try {
    const changed = await execute((event) => {
      if (event.kind === 'step-failed') failedStep ??= event.step;
    });
    await write(withCommandCondition(withPhase({ ...after, createdAt }, 'ClusterSuccess', now()), requested, now()));
    return changed;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // An application that fails does not make the cluster a failed one.
    const stands = failedStep !== undefined && applications.has(failedStep);
    await write(
      stands
        ? withCommandCondition(withPhase({ ...standing, createdAt }, 'ClusterSuccess', now()), requested, now(), message)
        : withPhase(begun, 'ClusterFailed', now(), message),
    );
    throw error;
  }
}
