// A smaller door: images unpacked and mounted on this machine.
export { badInput } from './error.ts';
export { familiarName, parseReference } from './reference.ts';
export { openStore } from './store.ts';
export { findTree, listTrees } from './working-tree/tree-record.ts';
export { mountTree, removeTree, unmountTree } from './working-tree/working-tree.ts';
