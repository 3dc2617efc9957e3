import { randomBytes } from 'node:crypto';
import * as v from 'valibot';
import type { ClusterState } from '../state/state.ts';
import { timeStamp } from './backup-name.ts';
import type { RestoreOperation } from './restore-prepare.ts';

const FILE = 'etcd-restore.json';

const recordSchema = v.object({
  id: v.pipe(v.string(), v.regex(/^[0-9a-f]{8}$/)),
  begun: v.pipe(v.string(), v.regex(/^\d{8}T\d{6}Z$/)),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** The hosts that take part. */
  masters: v.array(v.string()),
  phase: v.picklist(['begun', 'restored', 'done']),
});

/** What the operator remembers of a restore until the next: which one it was, who takes part, and whether it ended. */
export interface RestoreRecord extends RestoreOperation {
  readonly masters: readonly string[];
  /** `restored`: everything serves the old data again, only the tidying up may be missing. */
  readonly phase: 'begun' | 'restored' | 'done';
}

export async function readRestore(state: ClusterState): Promise<RestoreRecord | undefined> {
  const text = await state.readSecret(FILE);
  if (text === undefined) return undefined;
  const result = v.safeParse(recordSchema, parseJson(text));
  return result.success ? result.output : undefined;
}

export async function writeRestore(state: ClusterState, record: RestoreRecord): Promise<void> {
  await state.writeSecret(FILE, `${JSON.stringify(record)}\n`);
}

/**
 * The restore to go on with where one of this snapshot onto these hosts was begun and not ended, else a new one. A new one does every
 * step anew on every host, whatever an older one left there.
 */
export function beginRestore(record: RestoreRecord | undefined, sha256: string, masters: readonly string[]): RestoreRecord {
  const isSame =
    record?.sha256 === sha256 && record.masters.length === masters.length && record.masters.every((ip) => masters.includes(ip));
  if (record !== undefined && record.phase !== 'done' && isSame) return record;
  return { id: randomBytes(4).toString('hex'), begun: timeStamp(new Date()), sha256, masters, phase: 'begun' };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
