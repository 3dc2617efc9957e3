import { badInput } from '@sealos/image';
import semver from 'semver';

/** Versions of kubeadm's configuration, oldest first. */
export type KubeadmApi = 'v1beta2' | 'v1beta3' | 'v1beta4';

/** The configuration that a Kubernetes version's kubeadm prefers. Throws bad input below 1.15, whose format this project does not write. */
export function kubeadmApi(version: string): KubeadmApi {
  if (atLeast(version, '1.31')) return 'v1beta4';
  if (atLeast(version, '1.22')) return 'v1beta3';
  if (atLeast(version, '1.15')) return 'v1beta2';
  throw badInput('unsupported-kubernetes', `Kubernetes ${version} is too old`, 'use 1.15 or later');
}

/** Whether a Kubernetes version (`v1.20.2`, pre-releases count as their release) is `minor` (`1.22`) or later. */
export function atLeast(version: string, minor: string): boolean {
  const parsed = semver.parse(version);
  if (parsed === null) throw badInput('unsupported-kubernetes', `'${version}' is not a Kubernetes version`, 'write v1.29.9');
  const [major = 0, rest = 0] = minor.split('.').map(Number);
  return parsed.major > major || (parsed.major === major && parsed.minor >= rest);
}
