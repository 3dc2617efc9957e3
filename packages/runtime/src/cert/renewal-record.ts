import type { X509Certificate } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { SealosError } from '@sealos/image';
import * as v from 'valibot';
import type { ClusterState } from '../state/state.ts';
import { type RenewName, renewNames } from './renewal-names.ts';

const FILE = 'cert-renewal';
const schema = v.record(v.string(), v.pipe(v.string(), v.isoTimestamp()));

/** Since when each of these is being renewed: what begins to be valid before is still to be made anew. */
export type Renewal = ReadonlyMap<RenewName, Date>;

/** Certificates begin five minutes before they are made (`issueCertificate`), and in whole seconds. */
const BACKDATE = 5 * 60_000 + 1000;

/**
 * Notes what is being renewed until it is done, so that a renewal that was cut off goes on where it stopped instead of making
 * everything a second time. Returns what was left of an earlier one too.
 */
export async function beginRenewal(state: ClusterState, names: readonly RenewName[], now = new Date()): Promise<Renewal> {
  const text = await state.readSecret(FILE);
  const stored = v.safeParse(schema, text === undefined ? {} : JSON.parse(text));
  if (!stored.success) throw new SealosError('bad-state', `${state.etc}/${FILE} is damaged`, { hint: 'remove it', exitCode: 2 });
  const begun = new Map(
    renewNames.flatMap((name) => {
      const since = stored.output[name];
      if (since !== undefined) return [[name, new Date(since)] as const];
      return names.includes(name) ? [[name, now] as const] : [];
    }),
  );
  await state.writeSecret(FILE, `${JSON.stringify(Object.fromEntries([...begun].map(([name, since]) => [name, since.toISOString()])))}\n`);
  return begun;
}

/** All of it is done. */
export async function endRenewal(state: ClusterState): Promise<void> {
  await rm(join(state.etc, FILE), { force: true });
}

/** Whether a certificate was made before its renewal began. */
export function isDue(since: Date | undefined, certificate: X509Certificate): boolean {
  return since !== undefined && certificate.validFromDate.getTime() < since.getTime() - BACKDATE;
}
