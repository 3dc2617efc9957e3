import { posix } from 'node:path';

/** Where things lie on a host (sealos-interop.md §5.2). Images' scripts have some of these paths written into them. */
export interface HostLayout {
  /** `/var/lib/sealos/data/<cluster>`: everything of one cluster. */
  readonly data: string;
  readonly rootfs: string;
  /** kubeadm's input files. */
  readonly etc: string;
  /** One file a finished piece of work; its content is the hash of the work's input. */
  readonly markers: string;
  /** An application image's own directory on master0. */
  workdir(application: string): string;
}

/** `root` is `SEALOS_DATA_ROOT` of the operator, by default `/var/lib/sealos`. */
export function hostLayout(cluster: string, root = process.env['SEALOS_DATA_ROOT'] || '/var/lib/sealos'): HostLayout {
  const data = posix.join(root, 'data', cluster);
  return {
    data,
    rootfs: posix.join(data, 'rootfs'),
    etc: posix.join(data, 'etc'),
    markers: posix.join(data, '.sealos'),
    workdir: (application) => posix.join(data, 'applications', application, 'workdir'),
  };
}
