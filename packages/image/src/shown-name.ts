/**
 * A name or text of a stranger as it can stand in a message: one line, no control characters (a terminal would obey them), none that
 * are invisible or turn the direction of writing, at most 200 characters.
 */
export function shownName(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, '?');
  return clean.length > 200 ? `${clean.slice(0, 197)}...` : clean;
}

/** The same for a text of several lines: line breaks and tabs stay, and so does its length. */
export function withoutControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]|[\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu, '?');
}
