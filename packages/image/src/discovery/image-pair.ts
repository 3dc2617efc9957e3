import type { Mention } from './mention.ts';
import { joinedReference, shapeOf } from './reference-text.ts';
import { type MapTree, type Tree, textOf, valueAt } from './tree.ts';

/**
 * An image whose name is in parts, as charts' values and many operators' objects have it: `repository` with `tag` or `digest`, and perhaps
 * `registry`; `image` beside `tag`. `keys` lead to the map.
 */
export function imagePair(map: MapTree, keys: readonly string[]): Pick<Mention, 'text' | 'certainty' | 'line'> | undefined {
  const image = textOf(map, 'image');
  const repository = textOf(map, 'repository') ?? textOf(map, 'repo') ?? image ?? (textOf(map, 'registry') && textOf(map, 'name'));
  if (repository === undefined || repository === '' || keys.includes('metadata')) return undefined;
  const tag = textOf(map, 'tag') ?? textOf(map, 'imageTag');
  const digest = textOf(map, 'digest') ?? textOf(map, 'sha');
  if (!tag && !digest) return undefined;
  // A whole name beside a tag that belongs to something else stays as it is.
  if (image !== undefined && repository === image && ['full', 'path'].includes(shapeOf(image) ?? '')) return undefined;
  const text = joinedReference({
    registry: textOf(map, 'registry'),
    // `repository` may be a part of the path, when `image` is the rest: {repository: quay.io/team, image: app, tag: 1}.
    repository: image !== undefined && repository !== image ? `${repository}/${image}` : repository,
    tag,
    digest: digest !== undefined && /^[0-9a-f]{64}$/.test(digest) ? `sha256:${digest}` : digest,
  });
  return text === undefined ? undefined : { text, certainty: 'seeming', line: lineOf(valueAt(map, 'repository') ?? valueAt(map, 'image')) };
}

function lineOf(tree: Tree | undefined): number {
  return tree?.kind === 'text' ? tree.line : 1;
}
