import { Readable } from 'node:stream';
import { type TarEntry, writeTar } from '@sealos/image';
import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';

export interface RegistryContentInput {
  readonly layout: HostLayout;
  readonly from: Host;
  readonly to: Address;
  readonly needs: readonly string[];
}

/** Bytes that are read of a file at a time. */
const CHUNK = 4 * 1024 * 1024;
const MAX_LISTING_SECONDS = 120;

interface StoredFile {
  /** Relative to the registry's directory. */
  readonly path: string;
  readonly size: number;
}

async function listFiles(host: Host, directory: string, signal: AbortSignal): Promise<readonly StoredFile[]> {
  const { stdout } = await host.run(script`if [ -d ${directory} ]; then cd ${directory} && find . -type f -printf '%s %P\\n'; fi`, {
    title: 'listing what the registry holds',
    signal,
    timeout: MAX_LISTING_SECONDS * 1000,
  });
  return stdout.split('\n').flatMap((line) => {
    const [, size, path] = /^(\d+) (.+)$/.exec(line) ?? [];
    // An upload that was under way is no content.
    return path === undefined || path.includes('/_uploads/') ? [] : [{ path, size: Number(size) }];
  });
}

/** A file's bytes, some at a time. Ends early, and the archive with an error, where the file became shorter meanwhile. */
async function* contentOf(host: Host, path: string, size: number, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < size; at += CHUNK) {
    const { stdout } = await host.run(script`tail -c +${at + 1} ${path} | head -c ${CHUNK} | base64 -w0`, {
      title: 'reading what the registry holds',
      signal,
      timeout: MAX_LISTING_SECONDS * 1000,
    });
    yield Buffer.from(stdout, 'base64').subarray(0, size - at);
  }
}

/**
 * Copies what one host's registry holds and another's does not: besides the images of the cluster, which that one was given anyway, what
 * users pushed. Blobs come before the links to them, so that a copy that was cut off holds no image that is not whole.
 */
export function registryContentStep({ layout, from, to, needs }: RegistryContentInput): Step {
  const directory = `${layout.rootfs}/registry`;
  const missing = async (host: Host, signal: AbortSignal) => {
    const [there, here] = await Promise.all([listFiles(from, directory, signal), listFiles(host, directory, signal)]);
    const held = new Map(here.map(({ path, size }) => [path, size]));
    const isLink = ({ path }: StoredFile) => Number(path.endsWith('/link'));
    return there.filter(({ path, size }) => held.get(path) !== size).sort((a, b) => isLink(a) - isLink(b));
  };
  const bytesOf = (files: readonly StoredFile[]) => files.reduce((sum, { size }) => sum + size, 0);
  return {
    id: 'registry-content',
    title: "moving the registry's content",
    hosts: [to],
    needs,
    async check(host, { signal }) {
      const files = await missing(host, signal);
      return files.length === 0 ? 'done' : { what: `copy ${files.length} file${files.length === 1 ? '' : 's'}`, bytes: bytesOf(files) };
    },
    async apply(host, { signal, onBytes }) {
      const files = await missing(host, signal);
      const entries = files.map(
        ({ path, size }): TarEntry => ({
          path,
          type: 'file',
          size,
          mode: 0o644,
          uid: 0,
          gid: 0,
          mtime: 0,
          content: () => contentOf(from, `${directory}/${path}`, size, signal),
        }),
      );
      await host.unpack(Readable.from(writeTar(entries), { objectMode: false }), directory, {
        title: "moving the registry's content",
        compression: 'none',
        signal,
        onBytes,
      });
    },
  };
}
