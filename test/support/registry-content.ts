// What tests of registries push and pull, and a place for them that knows nothing of the machine's own settings.
import { createCipheriv, createHash } from 'node:crypto';
import {
  type Descriptor,
  OCI_INDEX,
  openStore,
  parseReference,
  type RegistryOptions,
  type Store,
  type TarEntry,
} from '../../packages/image/src/index.ts';
import { file, makeImage, withDirectory } from './images.ts';

/** Bytes that look random and do not compress, the same for the same seed. */
export function noise(bytes: number, seed: string): Buffer {
  const key = createHash('sha256').update(seed).digest();
  return createCipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(bytes));
}

/** A layer of one file that does not compress. */
export function noisyLayer(bytes: number, seed: string): readonly TarEntry[] {
  const content = noise(bytes, seed);
  return [file('noise', '', { content, size: content.length })];
}

/** Writes a manifest list of one image for each architecture and names it. */
export async function makeIndex(store: Store, name: string, architectures: readonly string[]): Promise<Descriptor> {
  const manifests = [];
  for (const architecture of architectures) {
    const made = await makeImage(store, { name, layers: [noisyLayer(5000, architecture)], architecture });
    manifests.push({ ...made, platform: { os: 'linux', architecture } });
  }
  const index = await store.writeBytes(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }), OCI_INDEX);
  await store.tag(parseReference(name), index);
  return index;
}

export interface Workplace {
  readonly directory: string;
  /** Two empty stores: what is pushed from, and what is pulled into. */
  readonly here: Store;
  readonly there: Store;
  /** Settings that read nothing of this machine's, and wait little before they try again. */
  readonly settings: RegistryOptions & { readonly environment: NodeJS.ProcessEnv };
}

/** Runs `work` with a directory, two stores and settings of its own. */
export async function withWorkplace<T>(work: (place: Workplace) => Promise<T>): Promise<T> {
  return withDirectory(async (directory) => {
    await using here = await openStore(`${directory}/here`);
    await using there = await openStore(`${directory}/there`);
    const environment: NodeJS.ProcessEnv = { PATH: process.env['PATH'], HOME: `${directory}/home` };
    return await work({
      directory,
      here,
      there,
      settings: { environment, registriesConf: [], retry: { attempts: 4, delay: 1, longestDelay: 2 } },
    });
  });
}
