import { X509Certificate } from 'node:crypto';
import { badInput } from '@sealos/image';
import { etcdIdentity } from '../etcd/identity.ts';
import type { Host, HostFile } from '../host/host.ts';
import { nodeName } from '../kubeadm/node.ts';
import { localKubeconfig } from '../pki/host-files.ts';
import { adminGroups, rememberAdminGroups } from '../pki/operator-files.ts';
import type { Pki } from '../pki/pki.ts';
import { API_NAME } from '../run/prepare.ts';
import type { Step } from '../step.ts';
import { storedNames } from './api-names.ts';
import { adminStep, componentStep } from './client-steps.ts';
import { controllerManager, scheduler } from './component.ts';
import { type CertChange, type LockedCluster, lockCluster } from './control-plane.ts';
import { kubeletStep } from './kubelet-step.ts';
import { parseRenewNames, type RenewName, renewName } from './renewal-names.ts';
import { beginRenewal, endRenewal, isDue, type Renewal } from './renewal-record.ts';
import { apiServerStep, etcdStep } from './serving-steps.ts';

export interface RenewCertificatesOptions extends CertChange {
  /** `all`, or some of `renewNames`. */
  readonly names: readonly string[];
  /** Groups of the administrator from now on; empty: as they are. */
  readonly groups: readonly string[];
}

export interface RenewalResult {
  readonly renewed: readonly RenewName[];
  readonly changed: number;
  /** The administrator's kubeconfig on this machine. */
  readonly kubeconfig: string;
}

const SOON = 30 * 24 * 3_600_000;
const API_SERVER: readonly RenewName[] = ['apiserver', 'apiserver-kubelet-client', 'apiserver-etcd-client', 'front-proxy-client'];
const ETCD: readonly RenewName[] = ['etcd-server', 'etcd-peer', 'etcd-healthcheck-client'];

function checkGroups(groups: readonly string[], names: readonly RenewName[]): void {
  if (groups.length > 0 && !names.includes('admin.conf'))
    throw badInput('bad-flags', '--groups are those of the administrator', 'name admin.conf or all with --renew');
  const bad = groups.find((group) => !/^[\x21-\x7e]{1,64}$/.test(group));
  if (bad !== undefined)
    throw badInput('bad-group', `'${bad}' is no name of a group`, 'write 1 to 64 letters, digits and signs without blanks');
}

/**
 * `sealos cert --renew`: new keys and certificates for 100 years from the same authorities, made on this machine and rolled out one
 * control plane after the other, in an order in which each program's servers know the new before its clients show it. Authorities and
 * the key of service accounts' tokens stay. A call that was cut off is gone on with by the next.
 */
export async function renewCertificates(options: RenewCertificatesOptions): Promise<RenewalResult> {
  const names = parseRenewNames(options.names);
  checkGroups(options.groups, names);
  await using cluster = await lockCluster(options);
  const { state } = cluster;
  if (!options.names.includes('all') && names.includes('super-admin.conf') && !hasSuperAdmin(cluster))
    throw badInput(
      'no-super-admin',
      `Kubernetes ${cluster.version} of this cluster has no super-admin.conf`,
      'its administrator is admin.conf',
    );
  const renewal = await beginRenewal(state, names);
  if (options.groups.length > 0 && String(await adminGroups(state.home)) !== String(options.groups))
    await rememberAdminGroups(state.home, options.groups);
  const pki = await cluster.ensure({
    extraSans: storedNames(cluster.stored),
    renew: (path, certificate) => {
      const name = renewName(path.endsWith('.conf') ? path : `${path}.crt`);
      return name !== undefined && isDue(renewal.get(name), certificate);
    },
  });
  const steps = await rollout(cluster, pki, renewal, options.signal);
  const changed = await cluster.execute(steps);
  await endRenewal(state);
  return {
    renewed: [...renewal.keys()].filter((name) => name !== 'super-admin.conf' || hasSuperAdmin(cluster)),
    changed,
    kubeconfig: `${state.etc}/admin.conf`,
  };
}

const has = (cluster: LockedCluster, ip: string, path: string) => cluster.found.get(ip)?.some((one) => one.path === path) ?? false;

const hasSuperAdmin = (cluster: LockedCluster) =>
  cluster.masters.some(({ spec }) => has(cluster, spec.address.ip, '/etc/kubernetes/super-admin.conf'));

async function rollout(cluster: LockedCluster, pki: Pki, renewal: Renewal, signal: AbortSignal): Promise<readonly Step[]> {
  const { apiPort, version, state } = cluster;
  const masters = cluster.masters.map(({ spec }) => spec.address);
  const filesOf = (host: Host, names: readonly RenewName[]): readonly HostFile[] =>
    (pki.files.get(host.address.ip) ?? [])
      .filter(({ path }) => {
        const name = renewName(path.replace(/\.key$/, '.crt'));
        return name !== undefined && names.includes(name) && renewal.has(name);
      })
      .map((file) => localKubeconfig(file, host.address, apiPort));
  const steps: Step[] = [];
  const wants = (names: readonly RenewName[]) => names.some((name) => renewal.has(name));
  const next = () => ({ needs: steps.slice(-1).map(({ id }) => id), masters });

  if (wants(['kubelet.conf'])) {
    // First: a kubelet whose certificate has ended does not run, and starts nothing again that is restarted here.
    const isMaster = (host: Host) => masters.some(({ ip }) => ip === host.address.ip);
    steps.push(
      kubeletStep({
        needs: next().needs,
        id: 'cert-kubelet',
        hosts: [...cluster.masters, ...cluster.workers].map(({ spec, facts }) => ({
          address: spec.address,
          nodeName: nodeName(facts.hostname),
        })),
        home: state.home,
        server: `https://${API_NAME}:${apiPort}`,
        // Workers' kubelets renew their own; one whose certificate is about to end could not.
        isDue: (host, certificate) =>
          isMaster(host) ? isDue(renewal.get('kubelet.conf'), certificate) : certificate.validToDate.getTime() < Date.now() + SOON,
      }),
    );
  }
  if (wants(ETCD)) {
    const identity = await etcdIdentity(
      state.pki,
      cluster.masters.map(({ host }) => host),
      signal,
    );
    steps.push(etcdStep({ ...next(), id: 'cert-etcd', identity, files: async (host) => filesOf(host, ETCD) }));
  }
  if (wants(API_SERVER)) {
    steps.push(
      apiServerStep({ ...next(), id: 'cert-apiserver', port: apiPort, version, files: async (host) => filesOf(host, API_SERVER) }),
    );
  }
  for (const [name, component] of [
    ['controller-manager.conf', controllerManager],
    ['scheduler.conf', scheduler],
  ] as const) {
    if (!wants([name])) continue;
    steps.push(componentStep({ ...next(), id: `cert-${component.name}`, component, files: (host) => filesOf(host, [name]) }));
  }
  if (wants(['admin.conf', 'super-admin.conf'])) {
    const superAdmin = [...pki.files.values()].flat().find(({ path }) => path === '/etc/kubernetes/super-admin.conf');
    steps.push(
      adminStep({
        ...next(),
        id: 'cert-admin',
        files: (host) => [
          ...filesOf(host, ['admin.conf']),
          // It lies where the cluster began, and only there.
          ...(superAdmin && renewal.has('super-admin.conf') && has(cluster, host.address.ip, superAdmin.path) ? [superAdmin] : []),
        ],
        hasCopy: (host) => hasCopyOfAdmin(cluster, host),
      }),
    );
  }
  return steps;
}

/** Whether root's kubeconfig there is the administrator's of this cluster, and not one that someone put there. */
function hasCopyOfAdmin({ found }: LockedCluster, host: Host): boolean {
  const files = found.get(host.address.ip) ?? [];
  const copy = files.find(({ path }) => path.endsWith('/.kube/config'));
  const admin = files.find(({ path }) => path === '/etc/kubernetes/admin.conf');
  if (!copy || copy.server !== admin?.server) return false;
  try {
    return new X509Certificate(copy.pem).subject.split('\n').includes('CN=kubernetes-admin');
  } catch {
    return false;
  }
}
