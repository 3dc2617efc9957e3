import { isSecretKey } from '../image-contract/environment.ts';
import type { Cluster, DocumentUnknown, Unknown } from './cluster.ts';
import {
  clusterSchema,
  conditionSchema,
  configMetadataSchema,
  configSchema,
  configSpecSchema,
  hostSchema,
  metadataSchema,
  mountSchema,
  specSchema,
  sshSchema,
  statusSchema,
} from './schema.ts';

interface Known {
  readonly entries: object;
}

interface Carrier {
  readonly unknown?: Unknown;
}

/** The members of a plain map that a schema does not know; nothing where there are none. */
function members(value: unknown, { entries }: Known): Carrier {
  if (!isMap(value)) return {};
  const others = Object.entries(value).filter(([key, one]) => !Object.hasOwn(entries, key) && one !== null);
  return others.length === 0 ? {} : { unknown: Object.fromEntries(others) };
}

export const unknownOfHost = (value: unknown): Carrier => members(value, hostSchema);
export const unknownOfMount = (value: unknown): Carrier => members(value, mountSchema);
export const unknownOfCondition = (value: unknown): Carrier => members(value, conditionSchema);
export const unknownOfStatus = (value: unknown): Carrier => members(value, statusSchema);

/** What of a Cluster's document, metadata and spec is not known. */
export function unknownOfCluster(document: Unknown): { readonly unknown?: DocumentUnknown } {
  return inDocument(document, { document: clusterSchema, metadata: metadataSchema, spec: specSchema });
}

/** What of a Config's document, metadata and spec is not known. */
export function unknownOfConfig(document: Unknown): { readonly unknown?: DocumentUnknown } {
  return inDocument(document, { document: configSchema, metadata: configMetadataSchema, spec: configSpecSchema });
}

/** Paths of members that a user wrote and that have no effect: misspelt ones, as a rule. */
export function unknownPaths(document: Unknown, cluster: Cluster | undefined): readonly (readonly string[])[] {
  const { unknown } = cluster ?? unknownOfConfig(document);
  const spec = document['spec'];
  const hosts = isMap(spec) && Array.isArray(spec['hosts']) ? spec['hosts'] : [];
  const ofSsh = (value: unknown, path: readonly string[]) =>
    isMap(value) ? keys(members(value['ssh'], sshSchema).unknown, [...path, 'ssh']) : [];
  return [
    ...keys(unknown?.document, []),
    ...keys(unknown?.metadata, ['metadata']).filter(([, key]) => key !== 'labels' && key !== 'annotations'),
    ...keys(unknown?.spec, ['spec']),
    ...(cluster ? ofSsh(spec, ['spec']) : []),
    ...(cluster?.hosts ?? []).flatMap((group, index) => keys(group.unknown, ['spec', 'hosts', String(index)])),
    ...hosts.flatMap((host, index) => ofSsh(host, ['spec', 'hosts', String(index)])),
  ];
}

/** Unknown members that may be shown and stored: none, at any depth, whose name says that it is a secret. */
export function publicMembers(unknown: Unknown | undefined): Unknown {
  const shown = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shown);
    return isMap(value) ? publicMembers(value) : value;
  };
  return Object.fromEntries(
    Object.entries(unknown ?? {})
      .filter(([key]) => !isSecretKey(key))
      .map(([key, value]) => [key, shown(value)]),
  );
}

function inDocument(document: Unknown, known: Readonly<Record<'document' | 'metadata' | 'spec', Known>>): { unknown?: DocumentUnknown } {
  const { apiVersion: _apiVersion, kind: _kind, ...rest } = document;
  const parts = [
    ['document', rest],
    ['metadata', document['metadata']],
    ['spec', document['spec']],
  ] as const;
  const found = parts.flatMap(([part, value]) => {
    const { unknown } = members(value, known[part]);
    return unknown === undefined ? [] : [[part, unknown] as const];
  });
  return found.length === 0 ? {} : { unknown: Object.fromEntries(found) };
}

function keys(unknown: Unknown | undefined, path: readonly string[]): readonly (readonly string[])[] {
  return Object.keys(unknown ?? {}).map((key) => [...path, key]);
}

function isMap(value: unknown): value is Unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
