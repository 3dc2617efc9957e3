import { badInput, digestOf, type Platform, parsePlatform, SealosError, type Store } from '@sealos/image';
import { type Cluster, type ClusterHost, type Environment, registryHosts } from '../cluster/cluster.ts';
import { DISTRIBUTIONS } from '../distribution.ts';
import { readSchedule } from '../etcd/schedule.ts';
import type { Address, Host, HostFacts, HostFile } from '../host/host.ts';
import { type ClusterImage, imageVip, type LifecycleScripts, lifecycleScripts, validateImages } from '../image-contract/cluster-image.ts';
import type { K3sOptions } from '../k3s/options.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import { documentedNetworking } from '../kubeadm/documents.ts';
import { type ClusterNetworking, networkVariables } from '../kubeadm/networking.ts';
import { hostLayout } from '../layout.ts';
import { filesBeforeKubeadm } from '../pki/host-files.ts';
import type { ClusterPlanInput } from '../plan/plan-cluster.ts';
import type { PlannedHost } from '../plan/plan-input.ts';
import { generatePassword, htpasswd } from '../registry-config/credentials.ts';
import { parseRegistryConfig, type RegistryConfig } from '../registry-config/registry-config.ts';
import { renderTemplates } from '../render/render.ts';
import type { ClusterState } from '../state/state.ts';
import { chooseBalancing } from '../steps/api-address.ts';
import { guardImage, guardWarnings } from '../steps/api-guard.ts';
import { isMember } from '../steps/membership.ts';
import { configOverlays } from './config-overlays.ts';
import { environmentOf } from './image-environment.ts';
import { type LoadedImage, type LoadImageOptions, loadImage } from './load-image.ts';
import { prepareMasters } from './on-masters.ts';
import { commandsOf } from './prepare-commands.ts';
import { networkingOfK3s, prepareK3s } from './prepare-k3s.ts';
import { prepareKubeadm } from './prepare-kubeadm.ts';
import { WITHOUT_KUBEADM } from './without-kubeadm.ts';

export const API_NAME = 'apiserver.cluster.local';
export const API_PORT = 6443;

/** A host that was reached, and what it said of itself. */
export interface ReachedHost {
  readonly spec: ClusterHost;
  readonly host: Host;
  readonly facts: HostFacts;
  /** No file of this cluster is there. */
  readonly fresh: boolean;
  /** Names of the steps that say there that they are done. */
  readonly markers: ReadonlySet<string>;
}

export interface PrepareInput {
  readonly cluster: Cluster;
  readonly hosts: readonly ReachedHost[];
  readonly images: readonly LoadedImage[];
  readonly state: ClusterState;
  /** What `-e` gave each image, in this call or the one that first ran it. */
  readonly given: ReadonlyMap<string, Environment>;
  /** Names whose commands this call runs: those of the command line. */
  readonly requested: ReadonlySet<string>;
  /** `--cmd`: replaces the CMD of the first image of the command line. */
  readonly command: readonly string[];
  readonly force: boolean;
  readonly keepGoing: boolean;
  /** Only looks: nothing is written on the operator either. */
  readonly dryRun: boolean;
  readonly userDocuments: readonly KubeadmDocument[];
  /** Options of k3s in the Clusterfile. */
  readonly userK3s?: K3sOptions | undefined;
  readonly adoptContainerd: boolean;
  /** The Clusterfile for control planes. */
  readonly masterClusterfile: () => Promise<string>;
  readonly sealosVersion: string;
  /** What images see of the cluster's networks; `preparePlan` finds it out. */
  readonly networks?: Environment;
  readonly timeout: number | undefined;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/** The platforms of a cluster's hosts, the first control plane's first. */
export function platformsOfHosts(hosts: readonly ReachedHost[]): { readonly platform: Platform; readonly others: readonly Platform[] } {
  const first = hosts.find(({ spec }) => spec.roles.includes('master')) ?? hosts[0];
  const architectures = new Set([first, ...hosts].map((host) => host?.facts.architecture ?? 'amd64'));
  const [platform = 'amd64', ...others] = architectures;
  return { platform: parsePlatform(`linux/${platform}`), others: others.map((other) => parsePlatform(`linux/${other}`)) };
}

/** Opens every image of the cluster, in order, and refuses a set that cannot be run. */
export async function loadImages(
  store: Store,
  names: readonly string[],
  options: LoadImageOptions & { readonly newCluster: boolean },
): Promise<readonly LoadedImage[]> {
  const images: LoadedImage[] = [];
  for (const name of names) images.push(await loadImage(store, name, options));
  validateImages(
    images.map((image) => image.contract),
    { newCluster: options.newCluster },
  );
  return withDirectories(images);
}

/** Two images of one name from different places (`a/app:1`, `b/app:1`) have directories of their own: the later one's says whose it is. */
export function withDirectories(images: readonly LoadedImage[]): readonly LoadedImage[] {
  const taken = new Set<string>();
  return images.map((image) => {
    const { directory, name } = image.planned;
    const own = taken.has(directory) ? `${directory}-${digestOf(name).slice('sha256:'.length, 'sha256:'.length + 8)}` : directory;
    taken.add(own);
    return own === directory ? image : { ...image, planned: { ...image.planned, directory: own } };
  });
}

export function rootfsOf(images: readonly LoadedImage[]): LoadedImage {
  const rootfs = images.find((image) => image.contract.kind === 'rootfs');
  if (rootfs) return rootfs;
  throw new SealosError('no-rootfs', 'no image of this cluster is a rootfs image', { exitCode: 2, hint: 'name a rootfs image first' });
}

const nothing: Environment = new Map();

/** What `-e` gave the rootfs, with a generated password where nobody chose one for the registry. */
async function withRegistryPassword(input: PrepareInput, rootfs: ClusterImage): Promise<Environment> {
  const given = input.given.get(rootfs.name) ?? nothing;
  const chosen = given.get('registryPassword') ?? input.cluster.env.get('registryPassword') ?? rootfs.env.get('registryPassword');
  if (chosen !== '') {
    if (chosen === 'passw0rd')
      input.warn("the cluster's registry has the password that everybody knows; choose one with -e registryPassword=…");
    return given;
  }
  let password = await input.state.readSecret('registry-password');
  if (password === undefined) {
    password = generatePassword();
    if (!input.dryRun) await input.state.writeSecret('registry-password', password);
  }
  return new Map([...given, ['registryPassword', password]]);
}

const sameAddress = (a: Address, b: Address) => a.ip === b.ip && a.port === b.port;

/** A file that holds the registry's password is for root's eyes only. */
function guarded(files: readonly HostFile[], password: string): readonly HostFile[] {
  if (password === '') return files;
  return files.map((file) => (Buffer.from(file.content).includes(password) ? { ...file, mode: file.mode & 0o700 } : file));
}

interface Rendered {
  readonly hosts: readonly PlannedHost[];
  readonly registry: RegistryConfig;
}

/** Each host's own files: the rootfs' and the patches' templates with that host's environment, and the registry's logins where it runs. */
async function renderHosts(input: PrepareInput, rootfs: LoadedImage, given: Environment, into: string): Promise<Rendered> {
  const patches = input.images.filter((image) => image.contract.kind === 'patch');
  const registryAddress = registryHosts(input.cluster)[0]?.address;
  const version = rootfs.contract.version;
  const rendered = input.hosts.map((reached) => {
    const env = environmentOf(input, rootfs.contract, reached, version, given);
    const files = new Map<string, HostFile>();
    for (const image of [rootfs, ...patches]) {
      const own = image === rootfs ? env : environmentOf(input, image.contract, reached, version);
      for (const file of renderTemplates(image.templates, own, into)) files.set(file.path, file);
    }
    return { reached, env, files };
  });
  const onRegistryHost =
    rendered.find(({ reached }) => registryAddress && sameAddress(reached.spec.address, registryAddress)) ?? rendered[0];
  const yaml = onRegistryHost?.files.get(`${into}/etc/registry.yml`)?.content ?? rootfs.settings.get('etc/registry.yml');
  const registry = parseRegistryConfig(
    yaml === undefined ? undefined : Buffer.from(yaml).toString(),
    `${rootfs.contract.name}:etc/registry.yml`,
    input.warn,
  );
  const logins = await htpasswd(registry, await input.state.readSecret('registry_htpasswd'));
  if (logins !== undefined && !input.dryRun) await input.state.writeSecret('registry_htpasswd', logins);
  const hosts = rendered.map((entry): PlannedHost => {
    const files = [...entry.files.values()];
    if (logins !== undefined && entry === onRegistryHost)
      files.push({ path: `${into}/etc/registry_htpasswd`, content: logins, mode: 0o600 });
    return {
      address: entry.reached.spec.address,
      hostname: entry.reached.facts.hostname,
      roles: entry.reached.spec.roles,
      facts: entry.reached.facts,
      files: guarded(files, registry.password),
      env: entry.env,
      member: isMember(entry.reached.markers),
    };
  });
  return { hosts, registry };
}

type Networking = (
  input: Pick<PrepareInput, 'userDocuments' | 'userK3s'>,
  rootfs: LoadedImage,
  addresses: { readonly vip: string; readonly master: string },
) => ClusterNetworking;

/** Where the documents of each distribution say what the networks are. */
const NETWORKING: Readonly<Record<ClusterImage['distribution'], Networking>> = {
  kubernetes: ({ userDocuments, userK3s }, { kubeadm, contract }, addresses) => {
    if (userK3s)
      throw badInput('only-for-k3s', `the Clusterfile has options of k3s, and ${contract.name} is no k3s image`, 'leave them out');
    return documentedNetworking({ imageDocuments: kubeadm, userDocuments }, addresses);
  },
  k3s: networkingOfK3s,
};

interface Making {
  readonly input: PrepareInput;
  readonly rootfs: LoadedImage;
  readonly vip: string;
  /** Of the rootfs' scripts on the first control plane. */
  readonly env: Environment;
  readonly hosts: readonly PlannedHost[];
  readonly seat: ReachedHost;
}

type Made = Pick<ClusterPlanInput, 'apiPort' | 'certificates' | 'kubeadm' | 'kubeletAuthority' | 'joinToken' | 'k3s'>;

/** What of a plan is each distribution's own. */
const MADE_BY: Readonly<Record<ClusterImage['distribution'], (making: Making) => Promise<Made>>> = {
  async kubernetes({ input, rootfs, vip, env, hosts, seat }) {
    const { plan, pki, token, initOn, kubeletAuthority } = await prepareKubeadm(input, rootfs, vip, env, hosts, seat);
    const { apiPort } = plan;
    return {
      apiPort,
      certificates: (master) => filesBeforeKubeadm(pki, { master, seat: seat.spec.address, apiPort }),
      kubeadm: { ...plan, initOn },
      kubeletAuthority,
      joinToken: token,
    };
  },
  async k3s({ input, rootfs, vip, seat }) {
    return { ...WITHOUT_KUBEADM, apiPort: API_PORT, k3s: await prepareK3s(input, rootfs, vip, seat) };
  },
};

/** Turns the reached hosts and the opened images into the plan's whole input: rendered files, certificates, kubeadm's documents, commands. */
export async function preparePlan(wanted: PrepareInput): Promise<ClusterPlanInput> {
  const { cluster } = wanted;
  const rootfs = rootfsOf(wanted.images);
  const layout = hostLayout(cluster.name);
  const given = await withRegistryPassword(wanted, rootfs.contract);
  const apiHosts = wanted.hosts.filter(({ spec }) => spec.roles.includes('master'));
  const [master0] = apiHosts;
  const seat = apiHosts.find(({ markers }) => isMember(markers)) ?? master0;
  const registryHost = registryHosts(cluster)[0];
  if (!master0 || !seat || !registryHost)
    throw new SealosError('no-master', `cluster ${cluster.name} has no control-plane host`, { exitCode: 2 });
  const master = seat.spec.address.ip;
  const vip = imageVip(rootfs.contract, environmentOf(wanted, rootfs.contract, master0, rootfs.contract.version, given), master);
  const networking = NETWORKING[rootfs.contract.distribution](wanted, rootfs, { vip, master });
  const input = { ...wanted, networks: networkVariables(networking) };
  const { hosts, registry } = await renderHosts(input, rootfs, given, layout.rootfs);
  const master0Env = hosts.find(({ address }) => sameAddress(address, master0.spec.address))?.env ?? new Map();
  const made = await MADE_BY[rootfs.contract.distribution]({ input, rootfs, vip, env: master0Env, hosts, seat });
  const scripts: LifecycleScripts = lifecycleScripts(input.images.map((image) => image.contract));
  const byAddress = new Map(input.hosts.map(({ spec, host }) => [spec.address.ip, host]));
  if (rootfs.contract.firstGeneration)
    input.warn(`${rootfs.contract.name} is an image of 2022 (it has no label sealos.io.version): it is run as sealos 4.1 did`);
  const guard = guardImage(rootfs.contract);
  const workers = hosts.filter(({ roles }) => !roles.includes('master'));
  const balanced = workers.map(({ address, facts }) => ({ address, balancing: facts ? chooseBalancing(facts) : ('direct' as const) }));
  for (const warning of guardWarnings({ workers: balanced, masters: apiHosts.map(({ spec }) => spec.address), guard })) input.warn(warning);
  return {
    cluster: cluster.name,
    guard,
    etcdSchedule: await readSchedule(input.state),
    layout,
    hosts,
    images: input.images.map((image) => image.planned),
    master0: master0.spec.address,
    registry: { host: registryHost.address, domain: registry.domain, port: registry.port, data: registry.data },
    scripts,
    firstGeneration: rootfs.contract.firstGeneration,
    vip,
    apiName: API_NAME,
    seat: seat.spec.address,
    begins: !isMember(seat.markers),
    distribution: DISTRIBUTIONS[rootfs.contract.distribution],
    ...made,
    onMasters: await prepareMasters(cluster, apiHosts, input.masterClusterfile),
    adoptContainerd: input.adoptContainerd,
    registryIndexes: input.images.flatMap((image) => image.registryIndexes),
    skipPhases: rootfs.contract.skipPhases,
    configFiles: configOverlays({
      layout,
      images: input.images,
      hosts: input.hosts.map(({ spec }) => spec.address),
      master0: master0.spec.address,
      environment: (image) => environmentOf(input, image.contract, master0, rootfs.contract.version, image === rootfs ? given : undefined),
    }),
    commands: commandsOf(input, master0, rootfs.contract.version, layout.rootfs, layout.workdir),
    force: input.force ? input.requested : new Set(),
    hostOf: (address) => {
      const host = byAddress.get(address.ip);
      if (!host) throw new Error(`no connection to ${address.ip}`);
      return host;
    },
    timeout: input.timeout,
  };
}
