import { randomInt } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A new bootstrap token for hosts that join, `[a-z0-9]{6}.[a-z0-9]{16}`: a secret. */
export function generateToken(): string {
  const characters = (count: number) => Array.from({ length: count }, () => alphabet[randomInt(alphabet.length)]).join('');
  return `${characters(6)}.${characters(16)}`;
}
