import { chmod, mkdir, rename, rm, rmdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { badInput } from '@sealos/image';
import type { Clusterfile } from '../cluster/cluster.ts';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import { formatClusterfile } from '../cluster/format.ts';
import { validateClusterName } from '../cluster/from-flags.ts';
import { formatSecrets, restoreSecrets } from './environment-secrets.ts';
import { takeLock } from './lock.ts';
import { readIfThere, writePrivateFile } from './private-file.ts';

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
  /** Replaces the stored Clusterfile, atomically. Secret values of its environment go to a file of their own below `etc`. */
  write(file: Clusterfile): Promise<void>;
  /** Takes the cluster for this process. Throws bad input that names the owner where another live process has it. */
  lock(command: string): Promise<AsyncDisposable>;
  /** A small secret below `etc`, or undefined. */
  readSecret(name: string): Promise<string | undefined>;
  writeSecret(name: string, content: string): Promise<void>;
  /** Renames the Clusterfile to `Clusterfile.<unix seconds>` and deletes `pki` and `etc`: the cluster is no more. */
  retire(): Promise<void>;
}

const environmentSecrets = 'environment.yml';

/**
 * Opens the state of a cluster. Its directories are made when it is locked or written, and go with the lock when nothing was put into them:
 * a call that is refused leaves nothing behind. Throws bad input for a name that cannot be a directory's.
 */
export async function openState(cluster: string, options: StateOptions = {}): Promise<ClusterState> {
  validateClusterName(cluster);
  const home = join(options.root ?? stateRoot(), cluster);
  const [etc, pki, logs] = [join(home, 'etc'), join(home, 'pki'), join(home, 'logs')];
  const directories = [home, etc, pki, logs];
  const makeDirectories = async () => {
    for (const directory of directories) await makePrivate(directory);
  };
  const clusterfile = join(home, 'Clusterfile');
  const secretPath = (name: string) => {
    if (name !== basename(name) || name.startsWith('.')) throw new TypeError(`'${name}' is not the name of a file`);
    return join(etc, name);
  };
  const readSecret = (name: string) => readIfThere(secretPath(name));
  const writeSecret = async (name: string, content: string) => {
    await makeDirectories();
    await writePrivateFile(secretPath(name), content);
  };
  return {
    cluster,
    home,
    etc,
    pki,
    logs,
    readSecret,
    writeSecret,
    read: async () => {
      const text = await readIfThere(clusterfile);
      if (text === undefined) return undefined;
      return restoreSecrets(parseClusterfile(text, { name: clusterfile }), await readSecret(environmentSecrets));
    },
    write: async (file) => {
      await makeDirectories();
      // The secrets first: a Clusterfile without them would be taken for whole.
      const secrets = formatSecrets(file.cluster);
      if (secrets !== undefined || (await readSecret(environmentSecrets)) !== undefined)
        await writeSecret(environmentSecrets, secrets ?? '{}\n');
      await writePrivateFile(clusterfile, formatClusterfile(file));
    },
    lock: async (command) => {
      await makeDirectories();
      const lock = await takeLock(join(home, 'lock'), command);
      return {
        [Symbol.asyncDispose]: async () => {
          await lock[Symbol.asyncDispose]();
          for (const directory of directories.toReversed()) await rmdir(directory).catch(() => {});
        },
      };
    },
    retire: async () => {
      const now = Math.floor(Date.now() / 1000);
      if ((await readIfThere(clusterfile)) !== undefined) await rename(clusterfile, `${clusterfile}.${now}`);
      await Promise.all([etc, pki].map((directory) => rm(directory, { recursive: true, force: true })));
    },
  };
}

/** The directory of all clusters: `SEALOS_RUNTIME_ROOT`, else `~/.sealos`. */
export function stateRoot(): string {
  return process.env['SEALOS_RUNTIME_ROOT'] || join(homedir(), '.sealos');
}

/** What lies here may have been made by sealos, which is less careful with modes. */
async function makePrivate(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await chmod(directory, 0o700);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw badInput(
      'state-unwritable',
      `the state of the cluster cannot be kept in ${directory}: ${why}`,
      'set SEALOS_RUNTIME_ROOT to a directory of yours',
    );
  }
}
