import type { ImageConfig } from '@sealos/image';
import type { Environment } from '../cluster/cluster.ts';

export type ImageKind = 'rootfs' | 'patch' | 'application';

/** The text after `bash ` for each moment of a host's life; run in `scripts/` of the rootfs. */
export interface LifecycleScripts {
  readonly check: string;
  readonly initRegistry: string;
  readonly init: string;
  readonly clean: string;
  readonly cleanRegistry: string;
  readonly initCri?: string;
  readonly cleanCri?: string;
}

/** What an image's labels, environment and command mean to a cluster. */
export interface ClusterImage {
  /** As the user typed it. */
  readonly name: string;
  readonly kind: ImageKind;
  /** Kubernetes version with `v`; always there for a rootfs. */
  readonly version?: string;
  readonly distribution: 'kubernetes' | 'k3s';
  readonly vip: string;
  readonly lvscareImage: string;
  /** What this image's labels say; only of a rootfs or patch. `lifecycleScripts` fills in the defaults. */
  readonly scripts: Partial<LifecycleScripts>;
  /** Without PATH. */
  readonly env: Environment;
  /** ENTRYPOINT's elements, then CMD's, each a shell line. */
  readonly commands: readonly string[];
  /** How many of `commands` are ENTRYPOINT's: `spec.command` replaces only the others. */
  readonly entrypointCount: number;
  /** kubeadm phases that this image does without. */
  readonly skipPhases: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** Reads an image's contract. Throws bad input where a rootfs lacks what it must have. */
export function clusterImage(_name: string, _config: ImageConfig): ClusterImage {
  throw new Error('not reached');
}

/** Refuses images that cannot be run together: on a new cluster the first must be a rootfs, and there is only one. */
export function validateImages(_images: readonly ClusterImage[], _options: { readonly newCluster: boolean }): void {
  throw new Error('not reached');
}

/** The scripts of a rootfs with those of patches laid over, defaults filled in. An application's labels count for nothing. */
export function lifecycleScripts(_images: readonly ClusterImage[]): LifecycleScripts {
  throw new Error('not reached');
}
