/** Values by path (`a/b/c`); those below one are taken away at once, however many there are. */
export interface PathTree<T> {
  set(path: string, value: T): void;
  get(path: string): T | undefined;
  /** Forgets what is at a path, and all below it; '' is the root of everything. */
  remove(path: string): void;
  /** Forgets what is below a path, not what is at it. */
  removeBelow(path: string): void;
  entries(): [path: string, value: T][];
}

interface Node<T> {
  value?: T;
  children?: Map<string, Node<T>>;
}

export function pathTree<T>(): PathTree<T> {
  const root: Node<T> = {};
  const find = (path: string): Node<T> | undefined => {
    if (path === '') return root;
    let node: Node<T> | undefined = root;
    for (const part of path.split('/')) {
      node = node.children?.get(part);
      if (node === undefined) return undefined;
    }
    return node;
  };
  return {
    set(path, value) {
      let node = root;
      for (const part of path === '' ? [] : path.split('/')) {
        node.children ??= new Map();
        const child: Node<T> = node.children.get(part) ?? {};
        node.children.set(part, child);
        node = child;
      }
      node.value = value;
    },
    get: (path) => find(path)?.value,
    remove(path) {
      const slash = path.lastIndexOf('/');
      if (path !== '') find(slash < 0 ? '' : path.slice(0, slash))?.children?.delete(path.slice(slash + 1));
      else {
        delete root.value;
        delete root.children;
      }
    },
    removeBelow(path) {
      delete find(path)?.children;
    },
    entries() {
      const found: [string, T][] = [];
      const todo: [string | undefined, Node<T>][] = [[undefined, root]];
      // No recursion: a stranger's paths may be deeper than the stack.
      for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
        const [path, { value, children }] = next;
        if (value !== undefined) found.push([path ?? '', value]);
        for (const [name, child] of children ?? []) todo.push([path === undefined ? name : `${path}/${name}`, child]);
      }
      return found;
    },
  };
}
