import { splitDocuments } from './documents.ts';
import { findInLines } from './find-in-lines.ts';
import { findInTree } from './find-in-tree.ts';
import type { Mention } from './mention.ts';
import { readTrees } from './tree.ts';

export interface TextOptions {
  /** The number of the text's first line in its file. */
  readonly firstLine?: number;
  /** How deep this text is inside manifests. */
  readonly depth?: number;
}

/** Reading takes some hundred times a document's size in memory; a larger one, which no API server would take, is read by lines. */
const TREE_LIMIT = 4 * 1024 * 1024;

/** The images of a text with YAML or JSON documents. A document that is neither is read line by line; the others are not. */
export function findInText(text: string, file: string, options: TextOptions = {}): readonly Mention[] {
  const { firstLine = 1, depth = 0 } = options;
  return splitDocuments(text).flatMap((document) => {
    const line = firstLine + document.line - 1;
    const trees = document.text.length > TREE_LIMIT ? undefined : readTrees(document.text, line);
    const isStructured = trees?.every(({ kind }) => kind !== 'text');
    if (trees === undefined || !isStructured) return findInLines(document.text, file, line);
    return trees.flatMap((tree) => findInTree(tree, file, depth));
  });
}
