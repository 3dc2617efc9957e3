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

/** The environment of one image on one host: image < cluster < command line < host < what is known of the host. */
export function hostEnvironment(_sources: EnvironmentSources): { readonly env: Environment; readonly warnings: readonly string[] } {
  throw new Error('not reached');
}

/** `K=V` lists as an ordered map; the last of a key wins. Throws bad input for what is no assignment. */
export function parseEnvironment(_assignments: readonly string[], _where: string): Environment {
  throw new Error('not reached');
}

/** The cgroup driver that suits a host where its container runtime does not say. */
export function cgroupDriver(_facts: Pick<HostFacts, 'systemd' | 'cgroup' | 'sysResource'>): 'systemd' | 'cgroupfs' {
  throw new Error('not reached');
}
