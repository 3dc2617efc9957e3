/** YAML as it is parsed: the content of a document, or a part of it. */
export type Tree = Readonly<Record<string, unknown>>;

export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** The value at a path, or undefined. */
export function valueAt(tree: Tree, path: readonly string[]): unknown {
  return path.reduce<unknown>((value, key) => (isTree(value) ? value[key] : undefined), tree);
}

/** A copy with the value at a path replaced; undefined takes the member out. Maps on the way are made where they are missing. */
export function withValue(tree: Tree, path: readonly string[], value: unknown): Tree {
  const [key, ...rest] = path;
  if (key === undefined) return tree;
  const { [key]: old, ...others } = tree;
  if (rest.length === 0) return value === undefined ? others : { ...tree, [key]: value };
  if (value === undefined && !isTree(old)) return tree;
  return { ...tree, [key]: withValue(isTree(old) ? old : {}, rest, value) };
}
