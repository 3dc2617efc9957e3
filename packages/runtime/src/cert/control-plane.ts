import { badInput } from '@sealos/image';
import * as v from 'valibot';
import { parse } from 'yaml';
import type { Clusterfile } from '../cluster/cluster.ts';
import type { OnRunEvent } from '../event.ts';
import { executePlan } from '../execute.ts';
import type { Host } from '../host/host.ts';
import { openJournal } from '../journal.ts';
import { CERTIFICATES_OF_K3S, refuseK3s } from '../k3s/cluster-distribution.ts';
import { nodeName } from '../kubeadm/node.ts';
import { namesOf } from '../pki/existing.ts';
import { requireAuthorities } from '../pki/operator-files.ts';
import { ensurePki, type Pki, type PkiOptions } from '../pki/pki.ts';
import { givenEnvironment } from '../run/given-environment.ts';
import { API_NAME, type ReachedHost } from '../run/prepare.ts';
import { joinFailures, type PartlyReachedHosts, reachWhatAnswers } from '../run/reach-hosts.ts';
import { storedCluster } from '../run/stored-cluster.ts';
import { storedPlanInput } from '../run/stored-plan.ts';
import type { ClusterState } from '../state/state.ts';
import type { Step } from '../step.ts';
import { type CertTarget, findAuthorities, operatorCertificates } from './cluster-certificates.ts';
import { type FoundCertificate, readCertificates } from './read-certificates.ts';

/** What a change of certificates is given besides the cluster. */
export interface CertChange extends CertTarget {
  readonly sealosVersion: string;
  readonly onEvent: OnRunEvent;
}

/** A cluster whose certificates are about to change, locked for this process. */
export interface LockedCluster extends AsyncDisposable {
  readonly state: ClusterState;
  readonly stored: Clusterfile;
  readonly hosts: PartlyReachedHosts;
  /** Every control plane, in the Clusterfile's order. */
  readonly masters: readonly ReachedHost[];
  readonly workers: readonly ReachedHost[];
  /** What lies on each host, by its `ip`. */
  readonly found: ReadonlyMap<string, readonly FoundCertificate[]>;
  readonly apiPort: number;
  readonly version: string;
  /** Makes sure of the operator's certificates. */
  ensure(options: Pick<PkiOptions, 'extraSans' | 'renew'>): Promise<Pki>;
  /** Carries steps out, with a journal. Returns how often one did something. */
  execute(steps: readonly Step[]): Promise<number>;
}

const MANIFEST = '/etc/kubernetes/manifests/kube-apiserver.yaml';
const manifestSchema = v.object({
  spec: v.object({
    containers: v.tupleWithRest([v.object({ image: v.string(), command: v.optional(v.array(v.string()), []) })], v.unknown()),
  }),
});

export interface ApiServerPod {
  /** Kubernetes version with `v`. */
  readonly version: string;
  readonly apiPort: number;
  readonly serviceSubnet: string;
}

/** Reads kubeadm's manifest of an API server; undefined where it is something else. */
export function parseApiServerPod(text: string): ApiServerPod | undefined {
  const result = v.safeParse(manifestSchema, parseYaml(text));
  if (!result.success) return undefined;
  const { image, command } = result.output.spec.containers[0];
  const flag = (name: string) => command.findLast((word) => word.startsWith(`--${name}=`))?.slice(name.length + 3);
  const version = /:(v\d+\.\d+\.\d+[^@]*)(?:@.*)?$/.exec(image)?.[1];
  const serviceSubnet = flag('service-cluster-ip-range');
  if (version === undefined || serviceSubnet === undefined) return undefined;
  return { version, serviceSubnet, apiPort: Number(flag('secure-port') ?? 6443) };
}

function parseYaml(text: string): unknown {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
}

async function readApiServerPod(host: Host, signal: AbortSignal): Promise<ApiServerPod> {
  const content = await host.readFile(MANIFEST, { signal });
  const pod = content === undefined ? undefined : parseApiServerPod(Buffer.from(content).toString());
  if (pod) return pod;
  throw badInput(
    'no-api-server',
    `${host.name}: there is no ${MANIFEST} as kubeadm writes it`,
    'only clusters made by kubeadm have their certificates changed',
  );
}

/**
 * Takes a cluster for a change of its certificates: all control planes must answer, and trust the authorities that the operator has.
 * Refuses (exit 2) otherwise; nothing is changed yet.
 */
export async function lockCluster(options: CertChange): Promise<LockedCluster> {
  const { signal } = options;
  const { state } = await storedCluster(options.cluster, options.ssh);
  await using resources = new AsyncDisposableStack();
  resources.use(await state.lock('cert'));
  const { stored } = await storedCluster(options.cluster, options.ssh);
  refuseK3s(stored.cluster, ...CERTIFICATES_OF_K3S);
  const hosts = resources.use(await reachWhatAnswers(stored.cluster, options.connection, signal));
  const lost = hosts.unreached.filter(({ spec }) => spec.roles.includes('master'));
  if (lost.length > 0) throw joinFailures(lost.map(({ error }) => error));
  const masters = hosts.reached.filter(({ spec }) => spec.roles.includes('master'));
  const workers = hosts.reached.filter(({ spec }) => !spec.roles.includes('master'));
  const [first] = masters;
  if (!first) throw badInput('no-master', `cluster '${options.cluster}' has no control-plane host`);
  const found = new Map(
    await Promise.all(hosts.reached.map(async ({ spec, host }) => [spec.address.ip, await readCertificates(host, signal)] as const)),
  );
  const pod = await readApiServerPod(first.host, signal);
  const given = await givenEnvironment(state, new Set(), new Map());
  const { vip } = await storedPlanInput({ ...options, cluster: stored.cluster, hosts, given, timeout: undefined });
  const leaf = found.get(first.spec.address.ip)?.find(({ path }) => path === '/etc/kubernetes/pki/apiserver.crt');
  const dnsDomain = namesOf(leaf?.pem ?? '').flatMap((name) => /^kubernetes\.default\.svc\.(.+)$/.exec(name)?.[1] ?? [])[0];
  const pki: PkiOptions = {
    masters: masters.map(({ spec, facts }) => ({ ip: spec.address.ip, nodeName: nodeName(facts.hostname) })),
    version: pod.version,
    vip,
    apiName: API_NAME,
    apiPort: pod.apiPort,
    serviceSubnet: pod.serviceSubnet,
    dnsDomain,
    standing: true,
    signal,
  };
  // Before anything is written: with other authorities than the hosts trust every certificate would cut them off.
  await requireSameAuthorities(state.home, masters, found);
  for (const { spec } of hosts.unreached) {
    options.onEvent({
      at: new Date().toISOString(),
      kind: 'warning',
      message: `${spec.address.ip} does not answer: its kubelet keeps the certificate that it has`,
    });
  }
  const held = resources.move();
  return {
    state,
    stored,
    hosts,
    masters,
    workers,
    found,
    apiPort: pod.apiPort,
    version: pod.version,
    ensure: (more) => ensurePki(state.home, { ...pki, ...more }),
    async execute(steps) {
      await using journal = await openJournal(state.logs, 'cert');
      const result = await executePlan({ steps }, hosts.hostOf, {
        signal,
        onEvent(event) {
          journal.onEvent(event);
          options.onEvent(event);
        },
      });
      return result.changed;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

async function requireSameAuthorities(
  home: string,
  masters: readonly ReachedHost[],
  found: ReadonlyMap<string, readonly FoundCertificate[]>,
): Promise<void> {
  await requireAuthorities(home);
  for (const [name, own] of findAuthorities([await operatorCertificates(home)])) {
    for (const { spec, host } of masters) {
      const there = findAuthorities([found.get(spec.address.ip) ?? []]).get(name);
      if (there?.fingerprint256 === own.fingerprint256) continue;
      const what = there === undefined ? 'is missing' : `is another than ${home}/pki/${name}.crt`;
      throw badInput(
        'other-authority',
        `${host.name}: /etc/kubernetes/pki/${name}.crt ${what}`,
        'this operator makes certificates only where it holds all of the authorities, that of etcd among them',
      );
    }
  }
}
