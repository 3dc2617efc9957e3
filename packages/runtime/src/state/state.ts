import type { Clusterfile } from '../cluster/cluster.ts';

export interface StateOptions {
  /** `SEALOS_RUNTIME_ROOT`, else `~/.sealos`. */
  readonly root?: string | undefined;
}

/** What the operator keeps of one cluster, below `<root>/<cluster>`. Directories are 0700 and files 0600. */
export interface ClusterState {
  readonly cluster: string;
  readonly home: string;
  /** `<home>/etc`: kubeconfigs, registry password. */
  readonly etc: string;
  /** `<home>/pki`. */
  readonly pki: string;
  /** `<home>/logs`: journals of runs. */
  readonly logs: string;
  /** The stored Clusterfile, or undefined where there is none. */
  read(): Promise<Clusterfile | undefined>;
  /** Replaces the stored Clusterfile, atomically. */
  write(file: Clusterfile): Promise<void>;
  /** Takes the cluster for this process. Throws bad input that names the owner where another live process has it. */
  lock(command: string): Promise<AsyncDisposable>;
  /** A small secret below `etc`, or undefined. */
  readSecret(name: string): Promise<string | undefined>;
  writeSecret(name: string, content: string): Promise<void>;
  /** Renames the Clusterfile to `Clusterfile.<unix seconds>` and deletes `pki` and `etc`: the cluster is no more. */
  retire(): Promise<void>;
}

/** Opens (and makes, if missing) the state of a cluster. Throws bad input for a name that cannot be a directory's. */
export function openState(_cluster: string, _options: StateOptions = {}): Promise<ClusterState> {
  throw new Error('not reached');
}
