/** Names of backups, and which of them are too many. A name tells when the backup was begun (UTC), so that names sort by age. */

/** `etcd-20261121T110709Z.db` */
export function backupName(at: Date): string {
  return `etcd-${timeStamp(at)}.db`;
}

/** `etcd-<cluster>-20261121T110709Z.db`, for places that clusters may share. */
export function sharedBackupName(cluster: string, at: Date): string {
  return `etcd-${cluster}-${timeStamp(at)}.db`;
}

/** `20261121T110709Z` */
export function timeStamp(at: Date): string {
  return at.toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

/**
 * The names beyond the newest `keep` among those that are ours: exactly the names that this file gives, of this cluster where it is
 * given. Nothing else is ever named.
 */
export function surplusBackups(names: readonly string[], keep: number, cluster?: string): readonly string[] {
  const head = cluster === undefined ? 'etcd-' : `etcd-${cluster}-`;
  const isOurs = (name: string) => name.startsWith(head) && /^\d{8}T\d{6}Z\.db$/.test(name.slice(head.length));
  return names
    .filter(isOurs)
    .sort()
    .slice(0, -keep || undefined);
}
