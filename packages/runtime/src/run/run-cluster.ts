import { parseReference } from '@sealos/image';
import { parseEnvironment } from '../image-contract/environment.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import { openState } from '../state/state.ts';
import { converge } from './converge.ts';
import { desiredCluster, type RunRequest } from './desired.ts';
import type { ChangeOptions, ChangeResult } from './wish.ts';

export interface RunClusterOptions extends ChangeOptions {
  readonly request: RunRequest;
  /** Documents of `--config-file`; none: the cluster's own. */
  readonly userDocuments: readonly KubeadmDocument[];
  readonly force: boolean;
  readonly keepGoing: boolean;
}

/** `sealos run`: a cluster from images, or images on a cluster; hosts that are named and new are added. */
export async function runCluster(options: RunClusterOptions): Promise<ChangeResult> {
  const { request } = options;
  // Whatever the words themselves have wrong is said before any host is asked.
  parseEnvironment(request.env, '-e');
  for (const name of request.images) parseReference(name);
  const state = await openState(request.cluster);
  await using _lock = await state.lock(`run ${request.images.join(' ')}`);
  const stored = await state.read();
  const cluster = desiredCluster(request, stored, options.connection.localIp);
  const kubeadm = options.userDocuments.length > 0 ? options.userDocuments : (stored?.kubeadm ?? []);
  const wish = { verb: 'run', file: { cluster, configs: stored?.configs ?? [], kubeadm }, leaving: [], requested: request.images };
  return await converge(
    state,
    stored,
    { ...wish, env: request.env, command: request.command, force: options.force, keepGoing: options.keepGoing },
    options,
  );
}
