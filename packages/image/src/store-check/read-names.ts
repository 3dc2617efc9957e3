import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseJson } from '../json.ts';
import type { Descriptor } from '../manifest.ts';
import { parseIndex } from '../manifest-parse.ts';
import { OCI_INDEX } from '../media-types.ts';
import { formatReference } from '../reference.ts';
import { nameOf, REF_NAME } from '../store-index.ts';
import type { StoreFault } from './store-fault.ts';

/** The entries of an `index.json` that can be read, one of each name, and what is wrong with the others. */
export interface ReadNames {
  readonly entries: readonly Descriptor[];
  readonly faults: readonly StoreFault[];
}

/** Reads a store's `index.json` entry by entry, so that one that is broken takes no other along. */
export async function readNames(store: string): Promise<ReadNames> {
  const faults: StoreFault[] = [];
  const fault = (text: string) => faults.push({ kind: 'index', subject: 'index.json', text });
  let value: unknown;
  try {
    value = parseJson(await readFile(join(store, 'index.json')), 'it');
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    fault(missing ? 'is missing' : `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
    return { entries: [], faults };
  }
  const manifests = value !== null && typeof value === 'object' && 'manifests' in value ? value.manifests : undefined;
  if (!Array.isArray(manifests)) {
    fault('is not an image index');
    return { entries: [], faults };
  }
  const entries: Descriptor[] = [];
  const names = new Set<string>();
  for (const [position, entry] of manifests.entries()) {
    const read = entryOf(entry);
    if (typeof read === 'string') {
      fault(`has an entry, number ${position + 1}, that is none: ${read}`);
      continue;
    }
    const reference = nameOf(read);
    const name = reference === undefined ? undefined : formatReference(reference);
    if (name !== undefined && names.has(name)) {
      fault(`has ${name} twice; the first one counts`);
      continue;
    }
    if (name !== undefined) names.add(name);
    entries.push(read);
  }
  return { entries, faults };
}

/** An entry's name as it can be told; of one without, its digest. */
export function nameOfEntry(entry: Descriptor): string {
  const reference = nameOf(entry);
  return reference === undefined ? (entry.annotations?.[REF_NAME] ?? entry.digest) : formatReference(reference);
}

function entryOf(entry: unknown): Descriptor | string {
  try {
    const [read] = parseIndex(Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry] })), OCI_INDEX).manifests;
    return read ?? 'it is empty';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
