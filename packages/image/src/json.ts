import { SealosError } from './error.ts';

/** Manifests, indexes and configs are small; whoever serves a bigger one is refused (distribution-spec asks for 4 MiB to be accepted). */
export const JSON_LIMIT = 4 * 1024 * 1024;
const DEPTH_LIMIT = 32;

/** Parses a document of a stranger: at most 4 MiB, UTF-8, at most 32 levels deep. Throws `bad-content`, naming the document by `what`. */
export function parseJson(bytes: Uint8Array, what: string): unknown {
  if (bytes.length > JSON_LIMIT) throw new SealosError('bad-content', `${what} is bigger than 4 MiB`);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes);
  } catch {
    throw new SealosError('bad-content', `${what} is not UTF-8 text`);
  }
  if (depthOf(text) > DEPTH_LIMIT) throw new SealosError('bad-content', `${what} is nested more than ${DEPTH_LIMIT} levels deep`);
  try {
    return JSON.parse(text);
  } catch {
    throw new SealosError('bad-content', `${what} is not JSON`);
  }
}

function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (quoted) {
      if (character === 0x5c) at++;
      else if (character === 0x22) quoted = false;
    } else if (character === 0x22) quoted = true;
    else if (character === 0x7b || character === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (character === 0x7d || character === 0x5d) depth--;
  }
  return deepest;
}
