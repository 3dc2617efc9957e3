import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Draft, RegistryFiles } from './files.ts';

interface Stored {
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
}
type Directory = Map<string, Directory | Stored>;

/** A registry's files in this process's memory, gone with it. They may be as big as the memory is. */
export function memoryFiles(): RegistryFiles {
  const root: Directory = new Map();
  const find = (path: string): Directory | Stored | undefined => {
    let at: Directory | Stored | undefined = root;
    for (const part of path.split('/')) at = at instanceof Map ? at.get(part) : undefined;
    return at;
  };
  const file = (path: string): Stored | undefined => {
    const found = find(path);
    return found instanceof Map ? undefined : found;
  };
  const put = (path: string, stored: Stored): void => {
    const parts = path.split('/');
    const name = parts.pop() ?? '';
    let at = root;
    for (const part of parts) {
      const next = at.get(part);
      const directory: Directory = next instanceof Map ? next : new Map();
      at.set(part, directory);
      at = directory;
    }
    at.set(name, stored);
  };
  return {
    title: 'memory',
    size: async (path) => file(path)?.size,
    read: async (path) => (file(path) === undefined ? undefined : Buffer.concat(file(path)?.chunks ?? [])),
    async open(path) {
      const stored = file(path);
      if (stored === undefined) return undefined;
      const read = (first: number, last: number) => Readable.from(part(stored, first, last), { objectMode: false });
      return { size: stored.size, read, close: async () => {} };
    },
    async list(path) {
      const found = find(path);
      return found instanceof Map ? [...found].map(([name, entry]) => ({ name, isDirectory: entry instanceof Map })) : [];
    },
    async write(path, content) {
      const bytes = Buffer.from(content);
      put(path, { chunks: [bytes], size: bytes.length });
    },
    async remove(path) {
      const slash = path.lastIndexOf('/');
      const parent = find(path.slice(0, slash));
      return parent instanceof Map && parent.delete(path.slice(slash + 1));
    },
    draft: async () => memoryDraft(put),
    async [Symbol.asyncDispose]() {
      root.clear();
    },
  };
}

function memoryDraft(put: (path: string, stored: Stored) => void): Draft {
  const hash = createHash('sha256');
  let chunks: Uint8Array[] = [];
  let size = 0;
  return {
    get size() {
      return size;
    },
    async write(chunk) {
      hash.update(chunk);
      chunks.push(chunk);
      size += chunk.length;
    },
    finish: async () => ({ digest: `sha256:${hash.digest('hex')}`, size }),
    async place(path) {
      put(path, { chunks, size });
    },
    async discard() {
      chunks = [];
    },
  };
}

function* part({ chunks }: Stored, first: number, last: number): Generator<Uint8Array> {
  let at = 0;
  for (const chunk of chunks) {
    const from = Math.max(0, first - at);
    const to = Math.min(chunk.length, last + 1 - at);
    if (from < to) yield chunk.subarray(from, to);
    at += chunk.length;
  }
}
