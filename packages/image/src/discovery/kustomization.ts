import type { Mention } from './mention.ts';
import { joinedReference, readReference } from './reference-text.ts';
import { type MapTree, type Tree, textOf, valueAt } from './tree.ts';

/** What a kustomization puts in the place of an image. */
export interface Replacement {
  /** The image's name without tag, as manifests have it. */
  readonly name: string;
  readonly newName?: string | undefined;
  readonly newTag?: string | undefined;
  readonly digest?: string | undefined;
  readonly file: string;
  readonly line: number;
}

/** Whether a document is a kustomization, by its file's name or its kind. */
export function isKustomization(tree: Tree, file: string): tree is MapTree {
  if (tree.kind !== 'map') return false;
  return /(?:^|\/)kustomization(?:\.ya?ml)?$/i.test(file) || textOf(tree, 'kind') === 'Kustomization';
}

/** The entries of a kustomization's `images`. */
export function replacementsOf(kustomization: MapTree, file: string): readonly Replacement[] {
  const images = valueAt(kustomization, 'images');
  if (images?.kind !== 'list') return [];
  return images.items.flatMap((item): Replacement[] => {
    if (item.kind !== 'map') return [];
    const [name, newName, newTag, digest] = ['name', 'newName', 'newTag', 'digest'].map((key) => textOf(item, key));
    const first = item.entries[0]?.[1];
    if (name === undefined || name === '') return [];
    return [{ name, newName, newTag, digest, file, line: first?.kind === 'text' ? first.line : 1 }];
  });
}

/**
 * Applies kustomizations as kustomize does: an image of this name gets the new name, tag or digest. What an entry names whole is an image
 * even when no manifest here has the old one. The old one may still be wanted by who applies without kustomize, so it stays, as one that
 * only seems to be needed.
 */
export function withReplacements(mentions: readonly Mention[], replacements: readonly Replacement[]): readonly Mention[] {
  if (replacements.length === 0) return mentions;
  const added: Mention[] = [];
  const kept = mentions.map((mention): Mention => {
    const replacement = replacements.find(({ name }) => isSameImage(name, mention.text));
    if (replacement === undefined) return mention;
    const text = replaced(mention.text, replacement);
    if (text !== undefined && text !== mention.text) {
      added.push({ ...mention, text });
      return { ...mention, certainty: 'seeming' };
    }
    return mention;
  });
  for (const replacement of replacements) {
    const { name, newName, newTag, digest, file, line } = replacement;
    if (!newTag && !digest) continue;
    const text = joinedReference({ repository: newName || name, tag: newTag, digest });
    if (text !== undefined) added.push({ text, file, line, certainty: 'named' });
  }
  return [...kept, ...added];
}

const nameOf = (text: string) => text.replace(/@.*$/, '').replace(/:[^/:]*$/, '');

function isSameImage(name: string, text: string): boolean {
  const [a, b] = [readReference(nameOf(name)), readReference(nameOf(text))];
  return a !== undefined && b !== undefined && a.registry === b.registry && a.repository === b.repository;
}

function replaced(text: string, { newName, newTag, digest }: Replacement): string | undefined {
  const name = nameOf(text);
  const suffix = text.slice(name.length);
  if (newTag || digest) return joinedReference({ repository: newName || name, tag: newTag, digest });
  return newName ? `${newName}${suffix}` : undefined;
}
