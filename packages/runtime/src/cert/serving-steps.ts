import { X509Certificate } from 'node:crypto';
import { isIPv6 } from 'node:net';
import { SealosError } from '@sealos/image';
import type { EtcdIdentity } from '../etcd/identity.ts';
import { etcdServes } from '../etcd/restore-control-plane.ts';
import type { Address, Host, HostFile } from '../host/host.ts';
import { atLeast } from '../kubeadm/version.ts';
import type { Step, StepContext } from '../step.ts';
import { apiServer, type Component, componentAge, etcd, isHealthy, restartComponent } from './component.ts';
import { eventually } from './eventually.ts';
import { outdatedFiles } from './outdated-files.ts';
import { type ShownAt, shownCertificate } from './shown-certificate.ts';

export interface ServingStepInput {
  readonly id: string;
  readonly needs: readonly string[];
  readonly masters: readonly Address[];
  /** The certificates and keys to be put on a host; none where those that it has will do. */
  readonly files: (host: Host) => Promise<readonly HostFile[]>;
}

const PKI = '/etc/kubernetes/pki';
const PEER_PORT = 2380;
const READY_TIMEOUT = 5 * 60_000;
/** API servers look at their files every minute (dynamic_cafile_content.go: FileRefreshDuration), newer ones at once. */
const API_RELOAD = 80_000;
/** etcd reads its certificate at every handshake (transport/listener.go: GetCertificate). */
const ETCD_RELOAD = 10_000;

const certificateAt = async (host: Host, path: string, signal: AbortSignal) => {
  const content = await host.readFile(path, { signal });
  return content === undefined ? undefined : new X509Certificate(content);
};

async function shows(host: Host, at: ShownAt, path: string, signal: AbortSignal): Promise<boolean> {
  const wanted = await certificateAt(host, path, signal);
  return wanted === undefined || (await shownCertificate(host, at, signal))?.fingerprint256 === wanted.fingerprint256;
}

function notShown(host: Host, component: Component, path: string): SealosError {
  return new SealosError('certificate-not-used', `${host.name}: ${component.name} does not show the certificate of ${path}`, {
    hint: `see /var/log/pods/kube-system_${component.name}-* there, then run the same command again`,
  });
}

/**
 * New certificates for the API servers, one host after the other. An API server reads them by itself, its clients' own among them, and
 * nobody notices; where it does not (below 1.20), or shows one that has ended, it is restarted, and ready before the next one's turn.
 */
export function apiServerStep(input: ServingStepInput & { readonly port: number; readonly version: string }): Step {
  const { port, version } = input;
  const at = { ip: '127.0.0.1', port };
  const path = `${PKI}/apiserver.crt`;
  const readsByItself = atLeast(version, '1.20');
  const isOld = async (host: Host, files: readonly HostFile[], signal: AbortSignal) => {
    const paths = files.map((file) => file.path);
    return !readsByItself && (await componentAge(host, apiServer, paths, signal)) === 'older';
  };
  return {
    id: input.id,
    title: 'renewing the certificates of the API servers',
    hosts: input.masters,
    needs: input.needs,
    serial: true,
    async check(host, { signal }) {
      const files = await input.files(host);
      const outdated = await outdatedFiles(host, files, signal);
      if (outdated.length > 0) return { what: `write ${outdated.join(', ')}` };
      if (await isOld(host, files, signal)) return { what: 'restart the API server, which has not read its certificates' };
      return (await shows(host, at, path, signal)) ? 'done' : { what: 'have the API server show its new certificate' };
    },
    async apply(host, context) {
      const { signal } = context;
      const files = await input.files(host);
      await host.writeFiles(files, { title: "writing the API server's certificates", signal });
      const current = await shownCertificate(host, at, signal);
      const works = current !== undefined && current.validToDate > new Date();
      let isNew = await shows(host, at, path, signal);
      if (!isNew && works && readsByItself) {
        context.onLine('the API server reads its certificate within a minute');
        isNew = await eventually(API_RELOAD, signal, () => shows(host, at, path, signal));
      }
      if (!isNew || (await isOld(host, files, signal))) {
        await restartComponent(host, apiServer, context);
        if (!(await eventually(READY_TIMEOUT, signal, () => shows(host, at, path, signal)))) throw notShown(host, apiServer, path);
      }
      if (await eventually(READY_TIMEOUT, signal, () => isHealthy(host, port, '/readyz', signal))) return;
      throw new SealosError('not-ready', `${host.name}: the API server is not ready ${READY_TIMEOUT / 60_000} minutes later`, {
        hint: 'see /var/log/pods/kube-system_kube-apiserver-* there, then run the same command again',
      });
    },
  };
}

/** New certificates for etcd, member after member; each is seen to show them and to read through the quorum before the next one's turn. */
export function etcdStep(input: ServingStepInput & { readonly identity: EtcdIdentity }): Step {
  const { identity } = input;
  const client = { cert: identity.cert, key: identity.key };
  const ports = (host: Host): readonly (ShownAt & { readonly path: string })[] => [
    { ip: isIPv6(host.address.ip) ? '::1' : '127.0.0.1', port: 2379, client, path: `${PKI}/etcd/server.crt` },
    { ip: host.address.ip, port: PEER_PORT, client, path: `${PKI}/etcd/peer.crt` },
  ];
  const unshown = async (host: Host, asked: ReturnType<typeof ports>, signal: AbortSignal) => {
    for (const at of asked) if (!(await shows(host, at, at.path, signal))) return at.path;
    return undefined;
  };
  const waitForHealth = async (host: Host, { signal }: StepContext) => {
    if (await eventually(READY_TIMEOUT, signal, () => etcdServes(host, identity, signal))) return;
    throw new SealosError('etcd-not-up', `${host.name}: etcd does not read through its quorum`, {
      hint: 'see `sealos etcd health`, then run the same command again',
    });
  };
  return {
    id: input.id,
    title: 'renewing the certificates of etcd',
    hosts: input.masters,
    needs: input.needs,
    serial: true,
    async check(host, { signal }) {
      const outdated = await outdatedFiles(host, await input.files(host), signal);
      if (outdated.length > 0) return { what: `write ${outdated.join(', ')}` };
      return (await unshown(host, ports(host), signal)) === undefined ? 'done' : { what: 'have etcd show its new certificates' };
    },
    async apply(host, context) {
      const { signal } = context;
      // Members whose certificates have ended do not hear one another: until most have new ones there is no quorum, and without one etcd
      // listens to its peers alone.
      const mustServe = host.address.ip === input.masters.at(-1)?.ip || (await etcdServes(host, identity, signal));
      await host.writeFiles(await input.files(host), { title: "writing etcd's certificates", signal });
      const asked = ports(host).filter(({ port }) => mustServe || port === PEER_PORT);
      const allShown = async () => (await unshown(host, asked, signal)) === undefined;
      if (!(await eventually(ETCD_RELOAD, signal, allShown))) {
        await restartComponent(host, etcd, context);
        if (!(await eventually(READY_TIMEOUT, signal, allShown))) throw notShown(host, etcd, `${PKI}/etcd`);
      }
      if (mustServe) await waitForHealth(host, context);
    },
  };
}
