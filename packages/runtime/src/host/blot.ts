import { quote } from './script.ts';

/** Shorter lines of a secret are too common (`-----`, `}`) to be hidden on their own. */
const SHORTEST_LINE = 6;

/** Replaces every secret by stars: as it is, as a shell word (`bash -x` prints those), and, because output is shown by lines, each of its lines. */
export function blot(text: string, secrets: readonly string[]): string {
  const forms = secrets.flatMap((secret) => {
    const lines = secret.includes('\n') ? secret.split('\n').filter((line) => line.trim().length >= SHORTEST_LINE) : [];
    return [secret, quote(secret), ...lines];
  });
  return [...new Set(forms)]
    .filter((form) => form.length > 0)
    .sort((a, b) => b.length - a.length)
    .reduce((clean, form) => clean.replaceAll(form, '***'), text);
}
