import { isSecretKey } from '../image-contract/environment.ts';

const LONGEST = 100;
const HIDDEN = '***';

/** A value on one line, cut where it is long; `***` where its name says that it is a secret, and secrets within it left out. */
export function shown(name: string, value: unknown): string {
  if (isSecretName(name)) return HIDDEN;
  const text =
    typeof value === 'string' && /^[^\p{Cc}]+$/u.test(value)
      ? value
      : JSON.stringify(value, (key, one) => (isSecretName(key) ? undefined : one));
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

/** Whether a member's value is never shown. */
export function isSecretName(name: string): boolean {
  return isSecretKey(name) || /^(?:certificateKey|pkData)$/.test(name);
}

/** `from` and `to` of a change; undefined is absent. */
export function values(name: string, from: unknown, to: unknown): { readonly from?: string; readonly to?: string } {
  return { ...(from === undefined ? {} : { from: shown(name, from) }), ...(to === undefined ? {} : { to: shown(name, to) }) };
}

export function actionOf(from: unknown, to: unknown): 'add' | 'remove' | 'change' {
  if (from === undefined) return 'add';
  return to === undefined ? 'remove' : 'change';
}
