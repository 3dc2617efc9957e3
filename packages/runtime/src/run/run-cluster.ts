import { parseReference } from '@sealos/image';
import type { Clusterfile } from '../cluster/cluster.ts';
import { layOver } from '../cluster/lay-documents.ts';
import { parseEnvironment } from '../image-contract/environment.ts';
import { openState } from '../state/state.ts';
import { converge } from './converge.ts';
import { desiredCluster, type RunRequest } from './desired.ts';
import type { ChangeOptions, ChangeResult } from './wish.ts';

export interface RunClusterOptions extends ChangeOptions {
  readonly request: RunRequest;
  /** Documents of `--config-file`, laid over the cluster's own. */
  readonly documents: Omit<Clusterfile, 'cluster'>;
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
  const documents = layOver(stored ?? { configs: [], kubeadm: [] }, options.documents);
  const wish = { verb: 'run', file: { cluster, ...documents }, leaving: [], requested: request.images };
  return await converge(
    state,
    stored,
    { ...wish, env: request.env, command: request.command, force: options.force, keepGoing: options.keepGoing },
    options,
  );
}
