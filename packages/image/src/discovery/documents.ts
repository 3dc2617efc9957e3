/** One YAML document of a text. */
export interface DocumentText {
  readonly text: string;
  /** Of its first line, from 1. */
  readonly line: number;
}

// What every image has in its text or in the name of the setting that holds it. The bound keeps the search linear.
const MAY_HOLD_IMAGE = /image|repository|registry|@sha256:|\/[\w./-]{1,200}:[\w]/i;

/**
 * The documents of a text that can hold an image, without the schemas in them. Reading YAML is slow, and most of what clusters are sent
 * (roles, services, tens of thousands of lines of schemas) has none.
 */
export function splitDocuments(text: string): readonly DocumentText[] {
  const documents: DocumentText[] = [];
  let line = 1;
  for (const part of text.split(/^---(?=\s|$)/m)) {
    const document = withoutSchemas(part);
    if (MAY_HOLD_IMAGE.test(document)) documents.push({ text: document, line });
    line += newlines(part);
  }
  return documents;
}

/** Empties the lines below `openAPIV3Schema:`; the others keep their numbers. */
function withoutSchemas(text: string): string {
  if (!text.includes('openAPIV3Schema:')) return text;
  let inside = -1;
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const indent = line.search(/\S/);
    if (inside >= 0 && (indent < 0 || indent > inside)) {
      lines[index] = '';
      continue;
    }
    inside = /^\s*openAPIV3Schema:\s*$/.test(line) ? indent : -1;
  }
  return lines.join('\n');
}

function newlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}
