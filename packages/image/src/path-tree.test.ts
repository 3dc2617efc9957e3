import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathTree } from './path-tree.ts';

function filled(...paths: readonly string[]) {
  const tree = pathTree<number>();
  for (const [position, path] of paths.entries()) tree.set(path, position);
  return tree;
}
const left = (tree: ReturnType<typeof filled>) =>
  tree
    .entries()
    .map(([path]) => path)
    .sort();

test('what is at and below a path goes at once, and no neighbour whose name begins alike', () => {
  const tree = filled('a', 'a/b', 'a/b/c', 'a/bc', 'ab', '/x', '/x/y');
  assert.deepEqual([tree.get('a/b/c'), tree.get('/x/y'), tree.get('x'), tree.get('a/b/c/d')], [2, 6, undefined, undefined]);
  tree.remove('a/b');
  tree.remove('nowhere/at/all');
  assert.deepEqual(left(tree), ['/x', '/x/y', 'a', 'a/bc', 'ab']);
  tree.removeBelow('/x');
  tree.removeBelow('a/bc/d');
  assert.deepEqual(left(tree), ['/x', 'a', 'a/bc', 'ab']);
  tree.set('a/b/c', 9);
  assert.deepEqual([tree.get('a/b'), tree.get('a/b/c')], [undefined, 9]);
});

test('the root holds everything', () => {
  const tree = filled('', 'a', 'a/b');
  tree.removeBelow('');
  assert.deepEqual(tree.entries(), [['', 0]]);
  tree.set('a', 1);
  tree.remove('');
  assert.deepEqual(tree.entries(), []);
});

test('a path deeper than any stack is found and listed', () => {
  const path = 'd/'.repeat(100_000);
  assert.deepEqual(filled(path).entries(), [[path, 0]]);
});
