import { join } from 'node:path';
import { badInput } from '@sealos/image';
import type { Clusterfile } from '../cluster/cluster.ts';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { readIfThere } from '../state/private-file.ts';
import { MASTER_COPY_MARK } from '../steps/master-access.ts';

/** The state that sealos 4 or 5 kept of a cluster. */
export interface ForeignState {
  readonly file: Clusterfile;
  /** Where it was found, for people. */
  readonly from: string;
}

const NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/;

/**
 * The Clusterfile in a directory of this machine: `~/.sealos` of the operator that was (with one cluster in it, or the one that is named), or
 * that of one cluster. Throws `no-state` and what parsing throws (exit 2).
 */
export async function stateInDirectory(directory: string, cluster: string | undefined): Promise<ForeignState> {
  for (const path of [join(directory, 'Clusterfile'), join(directory, cluster ?? 'default', 'Clusterfile')]) {
    const text = await readIfThere(path);
    if (text !== undefined) return { file: parseClusterfile(text, { name: path }), from: path };
  }
  throw badInput('no-state', `there is no Clusterfile in ${directory}`, 'name ~/.sealos/CLUSTER of the machine that made the cluster');
}

/** The Clusterfile of another program where this one keeps its own; undefined where there is none, or only a copy for images' scripts. */
export async function stateInHome(home: string): Promise<ForeignState | undefined> {
  const path = join(home, 'Clusterfile');
  const text = await readIfThere(path);
  return text === undefined || text.startsWith(MASTER_COPY_MARK) ? undefined : { file: parseClusterfile(text, { name: path }), from: path };
}

/**
 * The Clusterfile on a control plane, where sealos 5 put a copy of its operator's directory; undefined where there is none, as of sealos 4.
 * Throws `many-clusters` (exit 2) where there are several and none is named.
 */
export async function stateOnHost(host: Host, cluster: string | undefined, signal: AbortSignal): Promise<ForeignState | undefined> {
  const { stdout } = await host.run(
    script`cd "$HOME/.sealos" 2>/dev/null || exit 0
for f in */Clusterfile; do if [ -f "$f" ]; then echo "\${f%/Clusterfile}"; fi; done`,
    { title: "looking for another program's state", signal },
  );
  const found = stdout.split('\n').filter((name) => NAME.test(name) && (cluster === undefined || name === cluster));
  const [name, ...others] = found;
  if (name === undefined) return undefined;
  if (others.length > 0)
    throw badInput('many-clusters', `${host.name} has the state of several clusters: ${found.join(', ')}`, 'name one with --cluster');
  const { stdout: text } = await host.run(script`cat ${`.sealos/${name}/Clusterfile`}`, {
    title: "reading another program's state",
    signal,
  });
  // This program's own copy for images' scripts says less than the cluster's Secret.
  if (text.startsWith(MASTER_COPY_MARK)) return undefined;
  const from = `${host.name}:~/.sealos/${name}/Clusterfile`;
  return { file: parseClusterfile(text, { name: from }), from };
}
