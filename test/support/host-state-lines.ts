// Two dumps of lines, compared.

/** Lines that are in one dump only, each as often as it is there more: `- line` of the first, `+ line` of the second; in the order of the text. */
export function lineDifferences(first: readonly string[], second: readonly string[]): readonly string[] {
  const surplus = new Map<string, number>();
  for (const line of first) surplus.set(line, (surplus.get(line) ?? 0) - 1);
  for (const line of second) surplus.set(line, (surplus.get(line) ?? 0) + 1);
  return [...surplus]
    .flatMap(([line, count]) => Array.from({ length: Math.abs(count) }, () => ({ line, sign: count < 0 ? '-' : '+' })))
    .sort((one, other) => (one.line === other.line ? 0 : one.line < other.line ? -1 : 1))
    .map(({ line, sign }) => `${sign} ${line}`);
}
