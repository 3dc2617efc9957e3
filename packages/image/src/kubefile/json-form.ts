/**
 * The JSON form of CMD, ENTRYPOINT, COPY and VOLUME: an array of strings. `undefined` when the text is no JSON array, so that it is
 * taken as a shell line; `'not-strings'` for an array of other things. What follows the array is ignored, as in buildah.
 */
export function readJsonForm(text: string): readonly string[] | 'not-strings' | undefined {
  if (!text.startsWith('[')) return undefined;
  const end = endOfArray(text);
  if (end === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text.slice(0, end));
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const strings = value.filter((item) => typeof item === 'string');
  return strings.length === value.length ? strings : 'not-strings';
}

function endOfArray(text: string): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if (quoted) {
      if (character === '\\') at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === '[') depth++;
    else if (character === ']' && --depth === 0) return at + 1;
  }
  return undefined;
}
