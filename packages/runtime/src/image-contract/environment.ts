import { badInput } from '@sealos/image';
import type { Environment } from '../cluster/cluster.ts';
import type { HostFacts } from '../host/host.ts';

export interface EnvironmentSources {
  readonly image: Environment;
  /** `spec.env`. */
  readonly cluster?: Environment | undefined;
  /** `-e`. */
  readonly commandLine?: Environment | undefined;
  /** The host group's `env`. */
  readonly host?: Environment | undefined;
  readonly roles: readonly string[];
  readonly kubeVersion?: string | undefined;
  readonly sealosVersion: string;
  readonly facts?: Pick<HostFacts, 'systemd' | 'cgroup' | 'sysResource'> | undefined;
}

const systemPrefix = 'SEALOS_SYS';

/**
 * The environment of one image on one host: image < cluster < command line < host < what is known of the host. Keys that begin with
 * `SEALOS_SYS` are an image's or ours to set; a user's are left out, with a warning.
 */
export function hostEnvironment(sources: EnvironmentSources): { readonly env: Environment; readonly warnings: readonly string[] } {
  const { image, cluster, commandLine, host, roles, kubeVersion, sealosVersion, facts } = sources;
  const env = new Map(image);
  const warnings = new Set<string>();
  env.delete('PATH');
  for (const [where, layer] of [
    ['spec.env', cluster],
    ['-e', commandLine],
    ['the host', host],
  ] as const) {
    for (const [key, value] of layer ?? []) {
      if (key.startsWith(systemPrefix)) warnings.add(`${key} of ${where} is left out: keys that begin with ${systemPrefix} are reserved`);
      else env.set(key, value);
    }
  }
  if (kubeVersion !== undefined) env.set('SEALOS_SYS_KUBE_VERSION', kubeVersion);
  env.set('SEALOS_SYS_SEALOS_VERSION', sealosVersion);
  env.set('SEALOS_SYS_RUN_MODE', roles.join(','));
  if (facts !== undefined) {
    env.set('SEALOS_SYS_CGROUP_DRIVER', cgroupDriver(facts));
    env.set('SEALOS_SYS_RESTRICT_OOM_SCORE_ADJ', String(!facts.sysResource));
  }
  return { env, warnings: [...warnings] };
}

/** `K=V` lists as an ordered map; the last of a key wins. `where` names the list in errors (`-e`, `spec.env`). Throws bad input for what is no assignment. */
export function parseEnvironment(assignments: readonly string[], where: string): Environment {
  const env = new Map<string, string>();
  for (const assignment of assignments) {
    const at = assignment.indexOf('=');
    const key = assignment.slice(0, Math.max(at, 0)).trim();
    // The value is not shown: it may be a password.
    if (at < 0) throw badInput('bad-environment', `${where}: an assignment has no '='`, 'write KEY=VALUE');
    if (!isShellName(key)) throw badInput('bad-environment', `${where}: '${key}' is not a name of a variable`, 'use letters, digits and _');
    env.set(key, assignment.slice(at + 1));
  }
  return env;
}

/** `K=V` lists of a map, the inverse of `parseEnvironment`. */
export function formatEnvironment(env: Environment): readonly string[] {
  return [...env].map(([key, value]) => `${key}=${value}`);
}

/** Whether a shell can export a variable of this name. */
export function isShellName(key: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(key);
}

/** Whether a variable's value must never be shown or stored in the clear. */
export function isSecretKey(key: string): boolean {
  return /passw(?:or)?d|passphrase|secret|token|credential/i.test(key);
}

/**
 * The cgroup driver that suits a host where its container runtime does not say. systemd's, except on a cgroup v1 host that is itself
 * a container (no CAP_SYS_RESOURCE) or has no systemd: there systemd cannot make the slices that kubelet asks for.
 */
export function cgroupDriver({
  systemd,
  cgroup,
  sysResource,
}: Pick<HostFacts, 'systemd' | 'cgroup' | 'sysResource'>): 'systemd' | 'cgroupfs' {
  return systemd && (cgroup === 'v2' || sysResource) ? 'systemd' : 'cgroupfs';
}

/** The socket of an image's container runtime; the images of 2022 do not say it, and are known by where the runtime keeps its data. Undefined: containerd's. */
export function runtimeSocket(env: Environment): string | undefined {
  const data = env.get('criData') ?? '';
  const known = /(?:^|\/)docker$/.test(data)
    ? '/var/run/cri-dockerd.sock'
    : /(?:^|\/)crio$/.test(data)
      ? '/var/run/crio/crio.sock'
      : undefined;
  return env.get('SEALOS_SYS_CRI_ENDPOINT') || known;
}
