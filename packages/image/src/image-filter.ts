import type { ContentOptions } from './content.ts';
import { badInput } from './error.ts';
import type { ImageSummary } from './image-summary.ts';
import { imageSummary } from './image-summary.ts';
import { familiarName, parseReference } from './reference.ts';
import type { Store } from './store.ts';

/** Whether an image of a list is wanted. */
export type ImageFilter = (image: ImageSummary) => boolean;

/**
 * Reads filters as buildah and docker have them: `reference=GLOB`, `label=KEY[=VALUE]`, `before=IMAGE`, `since=IMAGE` (by the times that images
 * were made), `dangling=true|false`. Of several of one kind one has to hold for references, all for others. Throws `bad-filter` (exit 2), and
 * `image-not-found` for an image to compare with.
 */
export async function parseImageFilters(store: Store, texts: readonly string[], options: ContentOptions = {}): Promise<ImageFilter> {
  const globs: RegExp[] = [];
  const filters: ImageFilter[] = [];
  for (const text of texts) {
    const equals = text.indexOf('=');
    const [key, value] = equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
    if (equals < 0 || value === '')
      throw badInput('bad-filter', `'${text}' is not a filter`, 'write KEY=VALUE, for example reference=*/app');
    if (key === 'reference') globs.push(globOf(value));
    else if (key === 'label') filters.push(labelFilter(value));
    else if (key === 'dangling') filters.push(danglingFilter(value));
    else if (key === 'before' || key === 'since') filters.push(await timeFilter(store, key, value, options));
    else throw badInput('bad-filter', `there is no filter '${key}'`, 'there are reference, label, before, since and dangling');
  }
  const named: ImageFilter = (image) => globs.length === 0 || globs.some((glob) => namesOf(image).some((name) => glob.test(name)));
  return (image) => named(image) && filters.every((filter) => filter(image));
}

function namesOf({ name, repository }: ImageSummary): readonly string[] {
  const whole = parseReference(name);
  return [name, repository, `${whole.registry}/${whole.repository}`, `${whole.registry}/${whole.repository}:${whole.tag ?? ''}`];
}

// Go's path.Match: a star does not cross a slash.
function globOf(pattern: string): RegExp {
  const parts = pattern
    .replaceAll(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  try {
    return new RegExp(`^${parts}$`);
  } catch {
    throw badInput('bad-filter', `reference=${pattern} is not a pattern`, 'close what [ opens');
  }
}

function labelFilter(text: string): ImageFilter {
  const equals = text.indexOf('=');
  const [key, value] = equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
  return ({ labels }) => Object.hasOwn(labels, key) && (value === undefined || labels[key] === value);
}

function danglingFilter(text: string): ImageFilter {
  if (text !== 'true' && text !== 'false') throw badInput('bad-filter', `dangling=${text} is neither true nor false`);
  // An image without a name is not kept here: it goes with the next removal.
  return ({ tag, name }) => (text === 'true') === (tag === '<none>' && !name.includes('@'));
}

async function timeFilter(store: Store, key: 'before' | 'since', text: string, options: ContentOptions): Promise<ImageFilter> {
  const reference = parseReference(text);
  const other = await imageSummary(store, reference, await store.resolve(reference), options);
  const time = Date.parse(other.created ?? '');
  if (Number.isNaN(time)) throw badInput('bad-filter', `${familiarName(reference)} does not say when it was made`);
  return ({ created }) => {
    const own = Date.parse(created ?? '');
    return key === 'before' ? own < time : own > time;
  };
}
