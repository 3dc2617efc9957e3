import { SealosError } from '@sealos/image';
import type { ContainerRuntime, HostFacts } from '../host/host.ts';

/** What the checks before a run look at, of one host. */
export interface InspectedHost {
  readonly name: string;
  readonly roles: readonly string[];
  readonly facts: HostFacts;
  /** Nothing of this cluster was put there before. */
  readonly fresh: boolean;
  /** Bytes that will be written below the data directory. */
  readonly bytesNeeded: number;
}

export interface Finding {
  readonly host: string;
  readonly message: string;
  readonly fatal: boolean;
}

const MAX_CLOCK_SKEW = 5;
/** Room for container images that are unpacked, logs, and etcd. */
const DISK_RESERVE = 2e9;
const MASTER_PORTS = [2379, 2380, 6443, 10250, 10257, 10259];
const WORKER_PORTS = [10250];

export interface PreflightOptions {
  /** A containerd that a host has already is taken over (`--adopt-containerd`). */
  readonly adoptContainerd: boolean;
}

/** Why a host with these container runtimes is refused; undefined where there is none, or one that may be taken over. */
function runtimeProblem(runtimes: readonly ContainerRuntime[], { adoptContainerd }: PreflightOptions): string | undefined {
  const shown = ({ path, version, running }: ContainerRuntime) => {
    const about = [...(version === '' ? [] : [version]), running ? 'running' : 'not running'].join(', ');
    return `${path} (${about})`;
  };
  const others = runtimes.filter(({ name }) => name !== 'containerd');
  // Docker brings a containerd of its own: nothing is to be said of that.
  if (others.length > 0) {
    const packages = others.some(({ name }) => name === 'dockerd')
      ? ', for docker: apt-get purge docker.io docker-ce, or dnf remove docker-ce'
      : '';
    return `${others.map(shown).join(', ')} is there already, and would fight with the cluster's own container runtime; remove it first${packages}`;
  }
  const [containerd] = runtimes;
  if (containerd === undefined) return undefined;
  const { containers } = containerd;
  if (!adoptContainerd) {
    return `${shown(containerd)} is there already; remove it, or let it be taken over with --adopt-containerd (a reset puts it back)`;
  }
  if (containers === 0) return undefined;
  return `${shown(containerd)} cannot be taken over: it holds ${containers} container${containers === 1 ? '' : 's'}; remove ${containers === 1 ? 'it' : 'them'} first (ctr -n NAMESPACE containers ls)`;
}

function findingsOf(host: InspectedHost, registryPort: number | undefined, options: PreflightOptions): readonly Finding[] {
  const { facts } = host;
  const findings: Finding[] = [];
  const refuse = (message: string) => findings.push({ host: host.name, message, fatal: true });
  const warn = (message: string) => findings.push({ host: host.name, message, fatal: false });

  if (!facts.systemd) refuse('systemd is not running there (pid 1 is something else); the images need it to start their services');
  for (const tool of ['tar', 'gzip'] as const) if (!facts.tools[tool]) refuse(`${tool} is not installed there`);
  if (!['amd64', 'arm64'].includes(facts.architecture))
    refuse(`its architecture ${facts.architecture} is not supported (amd64 and arm64 are)`);
  if (Math.abs(facts.clockSkewSeconds) > MAX_CLOCK_SKEW) {
    const direction = facts.clockSkewSeconds > 0 ? 'ahead of' : 'behind';
    refuse(
      `its clock is ${Math.abs(facts.clockSkewSeconds).toFixed(0)} s ${direction} this machine's; certificates need clocks within ${MAX_CLOCK_SKEW} s`,
    );
  }
  if (facts.diskFreeBytes < host.bytesNeeded + (host.fresh ? DISK_RESERVE : 0)) {
    const needed = host.bytesNeeded + (host.fresh ? DISK_RESERVE : 0);
    refuse(
      `${(facts.diskFreeBytes / 1e9).toFixed(1)} GB are free on the disk of /var/lib/sealos, ${(needed / 1e9).toFixed(1)} GB are needed`,
    );
  }
  if (!facts.kernelFeatures.overlayfs) refuse('its kernel has no overlayfs');
  if (!facts.kernelFeatures.bridgeNetfilter) warn('its kernel has no br_netfilter; some pod networks need it');
  if (host.fresh) {
    const ports = [...(host.roles.includes('master') ? MASTER_PORTS : WORKER_PORTS), ...(registryPort === undefined ? [] : [registryPort])];
    const taken = ports.filter((port) => facts.listeningPorts.includes(port));
    if (taken.length > 0)
      refuse(`port${taken.length > 1 ? 's' : ''} ${taken.join(', ')} in use there; the cluster needs ${taken.length > 1 ? 'them' : 'it'}`);
    const problem = runtimeProblem(facts.containerRuntimes, options);
    if (problem) refuse(problem);
  }
  return findings;
}

/**
 * Everything that speaks against a run, of all hosts at once: the user repairs it in one go. `registryHost` is the name of the host
 * that will serve the registry.
 */
export function preflight(
  hosts: readonly InspectedHost[],
  registry: { readonly host: string; readonly port: number },
  options: PreflightOptions = { adoptContainerd: false },
): readonly Finding[] {
  const findings = hosts.flatMap((host) => findingsOf(host, host.name === registry.host ? registry.port : undefined, options));
  const byName = new Map<string, string>();
  for (const host of hosts) {
    const name = host.facts.hostname.toLowerCase();
    const other = byName.get(name);
    if (other)
      findings.push({
        host: host.name,
        message: `its hostname '${name}' is also that of ${other}; Kubernetes needs unique names`,
        fatal: true,
      });
    else byName.set(name, host.name);
  }
  return findings;
}

/** Throws all fatal findings as one error, a line each (exit status 2: nothing was touched). */
export function refuseFatal(findings: readonly Finding[]): void {
  const fatal = findings.filter((finding) => finding.fatal);
  if (fatal.length === 0) return;
  const [first] = fatal;
  const lines = fatal.map((finding) => `${finding.host}: ${finding.message}`);
  const message = fatal.length === 1 && first ? lines.join('') : `the hosts are not ready:\n${lines.map((line) => `  ${line}`).join('\n')}`;
  throw new SealosError('preflight', message, { exitCode: 2, hint: 'nothing was changed on any host' });
}
