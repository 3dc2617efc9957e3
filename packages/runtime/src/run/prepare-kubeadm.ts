import { documentsWithNames } from '../cert/api-names.ts';
import { type Environment, masters } from '../cluster/cluster.ts';
import type { Address, HostFile } from '../host/host.ts';
import { runtimeSocket } from '../image-contract/environment.ts';
import { kubeadmDocuments } from '../kubeadm/documents.ts';
import { liveApiNames } from '../kubeadm/live-names.ts';
import type { KubeadmPlan } from '../kubeadm/plan.ts';
import { signsForCentury } from '../kubeadm/signing.ts';
import { generateToken } from '../kubeadm/token.ts';
import type { KeyPair } from '../pki/certificate.ts';
import { ensurePki, type Pki } from '../pki/pki.ts';
import type { PlannedHost } from '../plan/plan-input.ts';
import { isMember } from '../steps/membership.ts';
import type { LoadedImage } from './load-image.ts';
import { API_NAME, type PrepareInput, type ReachedHost } from './prepare.ts';

const sameAddress = (a: Address, b: Address) => a.ip === b.ip && a.port === b.port;

export interface PreparedKubeadm {
  readonly plan: KubeadmPlan;
  /** What `kubeadm init` would be given on a control plane, with more names for API servers' certificates: a secret. */
  readonly initOn: (master: Address, names: readonly string[]) => string;
  readonly pki: Pki | undefined;
  /** Signs the first certificates of kubelets in a cluster that begins; undefined where the cluster stands or signs otherwise. */
  readonly kubeletAuthority: KeyPair | undefined;
  readonly token: string;
}

/** The cgroup driver that the image's container runtime is configured with, where its files say so: kubelet must use the same. */
export function configuredCgroupDriver(files: readonly HostFile[]): 'systemd' | 'cgroupfs' | undefined {
  for (const { path, content } of files) {
    const text = Buffer.from(content).toString();
    if (path.endsWith('/etc/config.toml')) {
      const setting = /^\s*SystemdCgroup\s*=\s*(true|false)/m.exec(text)?.[1];
      if (setting !== undefined) return setting === 'true' ? 'systemd' : 'cgroupfs';
    }
    if (path.endsWith('/etc/daemon.json') && text.includes('native.cgroupdriver=systemd')) return 'systemd';
  }
  return undefined;
}

export async function prepareKubeadm(
  input: PrepareInput,
  rootfs: LoadedImage,
  vip: string,
  rootfsEnv: Environment,
  planned: readonly PlannedHost[],
  seat: ReachedHost,
): Promise<PreparedKubeadm> {
  const filesOf = (address: Address) => planned.find((host) => sameAddress(host.address, address))?.files ?? [];
  const token = generateToken();
  const version = rootfs.contract.version ?? '';
  const apiHosts = masters(input.cluster);
  const documents = (caCertHash: string, first = seat.spec.address, names: readonly string[] = []) =>
    kubeadmDocuments({
      version,
      // The first control plane of the documents is the one that the others join.
      hosts: [...input.hosts]
        .sort((a, b) => Number(sameAddress(b.spec.address, first)) - Number(sameAddress(a.spec.address, first)))
        .map(({ spec, facts }) => ({
          address: spec.address,
          role: spec.roles.includes('master') ? 'master' : 'worker',
          facts,
          cgroupDriver: configuredCgroupDriver(filesOf(spec.address)),
        })),
      auditPolicy: input.images.some((image) => image.hasAuditPolicy),
      vip,
      apiName: API_NAME,
      criSocket: runtimeSocket(rootfsEnv),
      imageEndpoint: rootfsEnv.get('SEALOS_SYS_IMAGE_ENDPOINT'),
      imageDocuments: rootfs.kubeadm,
      userDocuments: names.length === 0 ? input.userDocuments : documentsWithNames(input.userDocuments, names),
      skipPhases: rootfs.contract.skipPhases,
      token,
      caCertHash,
    });
  const outline = documents(`sha256:${'0'.repeat(64)}`);
  for (const warning of outline.warnings) input.warn(warning);
  if (input.dryRun) return { plan: outline, initOn: () => outline.init, pki: undefined, kubeletAuthority: undefined, token };
  const stands = isMember(seat.markers);
  const joins = input.hosts.some(({ spec, markers }) => spec.roles.includes('master') && !isMember(markers));
  const live = stands && joins ? await liveApiNames(seat.host, input.signal) : [];
  const pki = await ensurePki(input.state.home, {
    masters: input.hosts
      .filter(({ spec }) => apiHosts.some((master) => sameAddress(master.address, spec.address)))
      .map(({ spec, facts }) => ({ ip: spec.address.ip, nodeName: facts.hostname.toLowerCase() })),
    version,
    vip,
    apiName: API_NAME,
    apiPort: outline.apiPort,
    serviceSubnet: outline.networking.serviceSubnet,
    dnsDomain: outline.networking.dnsDomain,
    extraSans: [...new Set([...outline.certSans, ...live])],
    standing: stands,
    signal: input.signal,
  });
  const initOn = (master: Address, names: readonly string[]) => documents(pki.caCertHash, master, names).init;
  const plan = documents(pki.caCertHash);
  const kubeletAuthority = !stands && signsForCentury(plan.init) ? pki.authority : undefined;
  return { plan, initOn, pki, kubeletAuthority, token };
}
