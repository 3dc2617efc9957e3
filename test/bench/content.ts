import { createHash } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const BLOCK = 64 * 1024;

/** Bytes that compress about as well as program files do: of every four blocks one repeats an earlier one, one is text, two are noise-like. */
function block(seed: number): Buffer {
  const kind = seed % 4;
  if (kind === 0) return Buffer.from(`segment ${seed % 977} of the program text, padded `.repeat(1600)).subarray(0, BLOCK);
  if (kind === 1) return block(seed - 1);
  const buffer = Buffer.alloc(BLOCK);
  let word = createHash('sha256').update(String(seed)).digest();
  for (let at = 0; at < BLOCK; at += 32) {
    word = createHash('sha256').update(word).digest();
    word.copy(buffer, at);
  }
  return buffer;
}

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
    for (let index = 0; index < perFile; index += 1) writeSync(handle, block(file * 1_000_003 + index));
    closeSync(handle);
  }
  for (let index = 0; index < 500; index += 1) {
    writeFileSync(
      join(temporary, 'manifests', `part-${index}.yaml`),
      `kind: ConfigMap\nmetadata: {name: part-${index}}\n${'data: {}\n'.repeat(index % 40)}`,
    );
  }
  writeFileSync(join(temporary, 'Kubefile'), 'FROM scratch\nCOPY . .\nCMD ["kubectl apply -f manifests"]\n');
  renameSync(temporary, directory);
  return directory;
}
