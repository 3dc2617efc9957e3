import { createCipheriv } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK = 64 * 1024;
const ZEROS = Buffer.alloc(BLOCK);

/** Bytes that nothing compresses, the same for the same seed. */
function noise(seed: number): Buffer {
  const counter = Buffer.alloc(16);
  counter.writeDoubleBE(seed);
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 'bench'), counter).update(ZEROS);
}

/** Bytes that compress to about half, as program files do: of every four blocks one is text, one repeats it, two are noise. */
function block(seed: number): Buffer {
  if (seed % 4 > 1) return noise(seed);
  return Buffer.from(`segment ${(seed - (seed % 4)) % 977} of the program text, padded `.repeat(1800)).subarray(0, BLOCK);
}

/** The small file of a context that changes between two builds. */
export const SMALL_FILE = 'manifests/part-1.yaml';

export const smallFile = (index: number): string => `kind: ConfigMap\nmetadata: {name: part-${index}}\n${'data: {}\n'.repeat(index % 40)}`;

/**
 * A build context of `megabytes` (MB, 10^6 bytes): a few large program-like files, and 500 small ones, and a Kubefile that copies all.
 * Made once and kept; the same bytes on every machine.
 */
export function makeContext(directory: string, megabytes: number): string {
  if (existsSync(directory)) return directory;
  const temporary = `${directory}.new`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(join(temporary, 'bin'), { recursive: true });
  mkdirSync(join(temporary, 'manifests'), { recursive: true });
  const perFile = Math.ceil((megabytes * 1e6) / 5 / BLOCK);
  for (let file = 0; file < 5; file += 1) {
    const handle = openSync(join(temporary, 'bin', `program-${file}`), 'w', 0o755);
    for (let index = 0; index < perFile; index += 1) writeSync(handle, block(file * 1_000_004 + index));
    closeSync(handle);
  }
  for (let index = 0; index < 500; index += 1) writeFileSync(join(temporary, 'manifests', `part-${index}.yaml`), smallFile(index));
  writeFileSync(join(temporary, 'Kubefile'), 'FROM scratch\nCOPY . .\nCMD ["kubectl apply -f manifests"]\n');
  renameSync(temporary, directory);
  return directory;
}
