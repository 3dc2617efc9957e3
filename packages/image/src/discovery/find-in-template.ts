import { renderTemplate, stringMap, TemplateError } from '@sealos/template';
import { formatReference } from '../reference.ts';
import { findInLines } from './find-in-lines.ts';
import { findInText } from './find-in-text.ts';
import type { Mention } from './mention.ts';
import { readReference } from './reference-text.ts';

// A template of this machine's user; what takes longer than this is read by its lines alone.
const LIMITS = { maxOutput: 4 * 1024 * 1024, maxWork: 2_000_000 };

/**
 * The images of a template of sealos (`.tmpl`). Its lines are read as they are, so that both sides of an `if` count; then it is rendered
 * without any variable set, which shows what defaults and loops give. An image that only the rendering shows may be half of a name whose
 * other half a variable gives, so it only seems to be one.
 */
export function findInTemplate(text: string, file: string): readonly Mention[] {
  const plain = findInLines(text, file);
  const known = new Set(plain.map(nameOf));
  const rendered = rendering(text, file);
  const more = rendered === undefined ? [] : findInText(rendered, file);
  const made = more.filter((mention) => readReference(mention.text) !== undefined && !known.has(nameOf(mention)));
  return [...plain, ...made.map(({ text: found }): Mention => ({ text: found, file, ...lineIn(text, found), certainty: 'seeming' }))];
}

function rendering(text: string, file: string): string | undefined {
  try {
    return renderTemplate(text, stringMap({}), { name: file, ...LIMITS });
  } catch (error) {
    // The template may need a variable that only a cluster has.
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}

function nameOf({ text }: Mention): string {
  const reference = readReference(text);
  return reference === undefined ? text : formatReference(reference);
}

/** The line of the template that has the name as it is, if one has. */
function lineIn(template: string, name: string): { readonly line?: number } {
  const index = template.split('\n').findIndex((line) => line.includes(name));
  return index < 0 ? {} : { line: index + 1 };
}
