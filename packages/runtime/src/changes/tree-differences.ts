import { isDeepStrictEqual } from 'node:util';
import { listKeys } from '../kubeadm/merge.ts';
import { isTree, type Tree } from '../kubeadm/tree.ts';

/** A member that differs between two documents of one kind. Undefined: it is not there. */
export interface Difference {
  /** Names of members; an element of a list that Kubernetes reads as a map stands by its key. */
  readonly path: readonly string[];
  readonly from: unknown;
  readonly to: unknown;
}

/** Where two trees differ, at the deepest members that do, in the order of their names. Lists of keyed elements are compared by key, sets without order. */
export function treeDifferences(from: Tree, to: Tree): readonly Difference[] {
  return differences([], from, to);
}

function differences(path: readonly string[], from: unknown, to: unknown): readonly Difference[] {
  if (isDeepStrictEqual(from, to)) return [];
  const [one, other] = [asMap(path, from), asMap(path, to)];
  if (one === undefined || other === undefined) return isEmpty(one ?? from) && isEmpty(other ?? to) ? [] : [{ path, from, to }];
  return [...new Set([...one.keys(), ...other.keys()])].sort().flatMap((key) => differences([...path, key], one.get(key), other.get(key)));
}

/** What has parts of its own to be compared. Nothing at all is as good as something empty, so that added maps are told member by member. */
function asMap(path: readonly string[], value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (value === undefined || value === null) return new Map();
  if (isTree(value)) return new Map(Object.entries(value).filter(([, one]) => one !== null));
  if (!Array.isArray(value)) return undefined;
  const keys = listKeys(path.at(-1) ?? '');
  if (keys === undefined) return undefined;
  if (keys === 'set') return new Map(value.map((element) => [String(element), element]));
  return keyedMap(value, keys);
}

function keyedMap(list: readonly unknown[], keys: readonly string[]): ReadonlyMap<string, unknown> {
  const map = new Map<string, unknown>();
  for (const [key, value] of list.map((element) => keyed(element, keys))) map.set(key, map.has(key) ? [map.get(key), value].flat() : value);
  return map;
}

function keyed(element: unknown, keys: readonly string[]): readonly [string, unknown] {
  if (!isTree(element)) return [String(element), element];
  const key = keys.map((name) => String(element[name])).join(':');
  const rest = Object.entries(element).filter(([name]) => !keys.includes(name));
  // An argument is its value.
  const [only] = rest;
  return [key, rest.length === 1 && only?.[0] === 'value' ? only[1] : Object.fromEntries(rest)];
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  return value instanceof Map && value.size === 0;
}
