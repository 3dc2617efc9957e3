import { readdir, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { badInput, SealosError } from '@sealos/image';
import { backupName, sharedBackupName, surplusBackups } from './backup-name.ts';
import { type EtcdTarget, reachEtcdMasters } from './masters.ts';
import { listNames, putFile, removeObject, s3Key } from './s3-objects.ts';
import type { S3Target } from './s3-target.ts';
import { type TakenSnapshot, takeSnapshot } from './take-snapshot.ts';

export interface BackupOptions extends EtcdTarget {
  /** A file, or a directory (one that exists, or a path that ends in `/`); by default `<state>/backups/etcd-<time>.db`. */
  readonly output?: string | undefined;
  /** How many of our backups stay in the directory, and below the prefix in the storage; by default all. */
  readonly keep?: number | undefined;
  readonly s3?: S3Target | undefined;
  readonly warn: (message: string) => void;
  readonly onBytes?: ((what: 'received' | 'sent', bytes: number) => void) | undefined;
}

export interface BackupResult extends TakenSnapshot {
  /** `s3://BUCKET/KEY` where it was uploaded. */
  readonly uploaded: string | undefined;
  /** Older backups that had to go. */
  readonly removed: readonly string[];
}

/** `sealos etcd backup`: a verified snapshot of a cluster's data on this machine and, where asked for, in S3-compatible storage. */
export async function backupCluster(options: BackupOptions): Promise<BackupResult> {
  const { signal, warn, onBytes, keep, s3 } = options;
  if (keep !== undefined && (!Number.isInteger(keep) || keep < 1)) throw badInput('bad-keep', 'at least one backup is kept');
  const now = new Date();
  await using masters = await reachEtcdMasters(options);
  for (const { error } of masters.unreached) warn(error instanceof Error ? error.message : String(error));
  const { path, directory } = await place(options.output, join(masters.state.home, 'backups'), now);
  const taken = await takeSnapshot({
    masters: masters.hosts,
    identity: masters.identity,
    path,
    signal,
    warn,
    onBytes: (bytes) => onBytes?.('received', bytes),
  });
  const removed = keep === undefined || directory === undefined ? [] : await trimDirectory(directory, keep);
  if (s3 === undefined) return { ...taken, uploaded: undefined, removed };
  const key = s3Key(s3, sharedBackupName(options.cluster, now));
  try {
    await putFile(s3, key, path, { signal, onBytes: (bytes) => onBytes?.('sent', bytes) });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof SealosError)) throw error;
    throw new SealosError(error.code, `${error.message} (the backup itself is in ${path})`, { hint: error.hint, cause: error });
  }
  const gone = keep === undefined ? [] : await trimBucket(s3, keep, options.cluster, signal);
  return { ...taken, uploaded: `s3://${s3.bucket}/${key}`, removed: [...removed, ...gone] };
}

/** The file to write, and the directory whose old backups may be removed: a file that was named is nobody's to count. */
async function place(output: string | undefined, home: string, now: Date): Promise<{ readonly path: string; readonly directory?: string }> {
  if (output === undefined) return { path: join(home, backupName(now)), directory: home };
  const there = await stat(output).catch(() => undefined);
  if (output.endsWith('/') || there?.isDirectory()) return { path: resolve(output, backupName(now)), directory: resolve(output) };
  const parent = dirname(resolve(output));
  if (!(await stat(parent).catch(() => undefined))?.isDirectory()) {
    throw badInput('no-such-directory', `there is no directory ${parent}`, 'make it first, or end --output with / to have one made');
  }
  return { path: resolve(output) };
}

async function trimDirectory(directory: string, keep: number): Promise<readonly string[]> {
  const surplus = surplusBackups(await readdir(directory), keep).map((name) => join(directory, name));
  for (const path of surplus) await rm(path, { force: true });
  return surplus;
}

async function trimBucket(s3: S3Target, keep: number, cluster: string, signal: AbortSignal): Promise<readonly string[]> {
  const surplus = surplusBackups(await listNames(s3, signal), keep, cluster).map((name) => s3Key(s3, name));
  for (const key of surplus) await removeObject(s3, key, signal);
  return surplus.map((key) => `s3://${s3.bucket}/${key}`);
}
