import type { Environment } from '../cluster/cluster.ts';

/** An image's label under either of its two prefixes; `sealos.io.` wins. */
export function contractLabel(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return labels[`sealos.io.${key}`] ?? labels[`apps.sealos.io/${key}`];
}

/**
 * Replaces `$K`, `${K}` and `$(K)` of known keys, in one pass so that no value is read again, and the longest key first so that
 * `$registryData` is never taken for `$registry`.
 */
export function substituteLabel(text: string, env: Environment): string {
  const keys = [...env.keys()].sort((one, other) => other.length - one.length).map((key) => key.replace(/[^\w]/g, '\\$&'));
  if (keys.length === 0) return text;
  const names = keys.join('|');
  const pattern = new RegExp(`\\$\\((${names})\\)|\\$\\{(${names})\\}|\\$(${names})`, 'g');
  return text.replace(pattern, (written, round, curly, bare) => env.get(round ?? curly ?? bare) ?? written);
}
