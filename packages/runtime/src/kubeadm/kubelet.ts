import type { Tree } from './tree.ts';
import { atLeast } from './version.ts';

/**
 * Members of KubeletConfiguration that came after 1.15, and the version that first knows each (Kubernetes API reference and
 * changelogs). A kubelet that meets one it does not know does not start.
 */
const introduced: Readonly<Record<string, string>> = {
  topologyManagerPolicy: '1.16',
  reservedSystemCPUs: '1.17',
  showHiddenMetricsForVersion: '1.18',
  providerID: '1.18',
  volumePluginDir: '1.18',
  logging: '1.19',
  topologyManagerScope: '1.20',
  reservedMemory: '1.20',
  shutdownGracePeriod: '1.20',
  shutdownGracePeriodCriticalPods: '1.20',
  enableProfilingHandler: '1.20',
  enableDebugFlagsHandler: '1.20',
  enableSystemLogHandler: '1.20',
  kernelMemcgNotification: '1.20',
  memoryManagerPolicy: '1.21',
  memorySwap: '1.22',
  memoryThrottlingFactor: '1.22',
  seccompDefault: '1.22',
  tracing: '1.22',
  registerNode: '1.23',
  registerWithTaints: '1.23',
  shutdownGracePeriodByPodPriority: '1.23',
  localStorageCapacityIsolation: '1.25',
  topologyManagerPolicyOptions: '1.26',
  containerRuntimeEndpoint: '1.27',
  imageServiceEndpoint: '1.27',
  maxParallelImagePulls: '1.27',
  enableSystemLogQuery: '1.27',
  imageMaximumGCAge: '1.29',
  podLogsDir: '1.30',
  containerLogMaxWorkers: '1.30',
  containerLogMonitorInterval: '1.30',
  failCgroupV1: '1.31',
  crashLoopBackOff: '1.32',
  singleProcessOOMKill: '1.32',
  imagePullCredentialsVerificationPolicy: '1.33',
  preloadedImagesVerificationAllowlist: '1.33',
  userNamespaces: '1.33',
  mergeDefaultEvictionSettings: '1.34',
};

/** A KubeletConfiguration without what this version's kubelet does not know, and a warning for each member left out. */
export function pruneKubelet(content: Tree, version: string): { readonly content: Tree; readonly warnings: readonly string[] } {
  const warnings: string[] = [];
  const kept = Object.entries(content).filter(([member]) => {
    const since = Object.hasOwn(introduced, member) ? introduced[member] : undefined;
    if (since === undefined || atLeast(version, since)) return true;
    warnings.push(`KubeletConfiguration.${member} is left out: kubelet knows it from ${since} on, this cluster is ${version}`);
    return false;
  });
  return { content: Object.fromEntries(kept), warnings };
}

/** Feature gates that sealos turns on while they are not yet what Kubernetes does by itself; one that no longer exists stops a component. */
export function defaultFeatureGates(version: string, isDualStack: boolean): Readonly<Record<string, boolean>> {
  return {
    ...dualStackGate(version, isDualStack),
    ...(atLeast(version, '1.24') ? {} : { TTLAfterFinished: true }),
    ...(atLeast(version, '1.16') && !atLeast(version, '1.26') ? { EphemeralContainers: true } : {}),
  };
}

/** Kubernetes 1.20 has pods and services of both families where this gate says so, 1.21 by itself; before they worked in another way. */
export function dualStackGate(version: string, isDualStack: boolean): Readonly<Record<string, boolean>> {
  return isDualStack && atLeast(version, '1.20') && !atLeast(version, '1.21') ? { IPv6DualStack: true } : {};
}
