import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** A text that is larger is no manifest; reading it would only take memory. */
export const TEXT_LIMIT = 32 * 1024 * 1024;

/** Bytes as text with `\n` at line ends: the byte order marks and line ends of Windows' programs, UTF-16 too, are not part of it. */
export function decodeText(bytes: Buffer): string {
  const isUtf16 = bytes[0] === 0xff && bytes[1] === 0xfe;
  const text = bytes.toString(isUtf16 ? 'utf16le' : 'utf8').replace(/^\uFEFF/, '');
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

/**
 * The text of a file; undefined for one above {@link TEXT_LIMIT}. Read at once: manifests are many and small, and handing each to a thread and
 * back takes many times as long.
 */
export async function readTextFile(path: string): Promise<string | undefined> {
  const file = openSync(path, 'r');
  try {
    return fstatSync(file).size > TEXT_LIMIT ? undefined : decodeText(readFileSync(file));
  } finally {
    closeSync(file);
  }
}
