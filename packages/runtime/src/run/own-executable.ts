import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSea } from 'node:sea';

/** A released executable of sealos on this machine. */
export interface ExecutableFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Of the content, hexadecimal. */
  readonly sha256: string;
}

/** ELF's `e_machine` (System V ABI), in OCI's spelling. */
const MACHINES: Readonly<Record<number, string>> = { 62: 'amd64', 183: 'arm64' };

async function architectureOf(path: string): Promise<string | undefined> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(Buffer.alloc(20), 0, 20, 0);
    return bytesRead === 20 && buffer.readUInt32BE(0) === 0x7f454c46 ? MACHINES[buffer.readUInt16LE(18)] : undefined;
  } catch {
    return undefined;
  }
}

async function describeExecutable(path: string): Promise<ExecutableFile> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  const { size } = await stat(path);
  return { path, size, sha256: hash.digest('hex') };
}

/** Where the executable for an architecture would lie, the best place first. The running one is read as it was started, even if its file was replaced since. */
function candidates(architecture: string): readonly string[] {
  const name = `sealos-linux-${architecture}`;
  if (isSea()) return ['/proc/self/exe', join(dirname(process.execPath), name)];
  const [, script] = process.argv;
  // From source: <checkout>/packages/cli/src/main.ts, and what `npm run build` made.
  return script === undefined ? [] : [join(dirname(script), '..', '..', '..', 'dist', name)];
}

/**
 * The executable of sealos for each architecture (`amd64`, `arm64`) that there is one for: the running program itself, a file
 * `sealos-linux-<architecture>` beside it, or, where sealos runs from source, one in `dist/`. Architectures without one are left out.
 */
export async function findExecutables(wanted: Iterable<string>): Promise<ReadonlyMap<string, ExecutableFile>> {
  const found = new Map<string, ExecutableFile>();
  for (const architecture of new Set(wanted)) {
    for (const path of candidates(architecture)) {
      if ((await architectureOf(path)) !== architecture) continue;
      found.set(architecture, await describeExecutable(path));
      break;
    }
  }
  return found;
}
