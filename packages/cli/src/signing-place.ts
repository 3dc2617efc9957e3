import type { Place, Reference } from '@sealos/image';
import { interrupted } from './interrupt.ts';
import { type RegistryFlags, readRegistryFlags } from './registry-options.ts';

/** An image that is signed or verified, and where it is: in the store, or (`docker://NAME`, `--registry`) at its registry. */
export interface PlacedImage {
  readonly reference: Reference;
  readonly place: Place;
}

/** Opens the store and, when it is needed, the registries for the named images. Throws `bad-reference` (exit 2). */
export async function openPlaces(
  names: readonly string[],
  flags: RegistryFlags & { readonly registry?: boolean },
): Promise<{ readonly images: readonly PlacedImage[] } & AsyncDisposable> {
  const { openRegistry, openStore, parseReference } = await import('@sealos/image/signing');
  const parsed = names.map((name) => {
    const bare = name.replace(/^docker:\/\//, '');
    return { reference: parseReference(bare), remote: flags.registry === true || bare !== name };
  });
  const registry = parsed.some(({ remote }) => remote) ? openRegistry(await readRegistryFlags(flags, interrupted)) : undefined;
  const store = await openStore();
  return {
    images: parsed.map(({ reference, remote }) => ({ reference, place: remote && registry !== undefined ? registry : store })),
    async [Symbol.asyncDispose]() {
      await store.close();
      await registry?.close();
    },
  };
}
