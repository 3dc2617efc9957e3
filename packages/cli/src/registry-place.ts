import type { RegistryPlace } from '@sealos/image';
import type { Command } from 'commander';
import { interrupted } from './interrupt.ts';
import { addRegistryOptions, type RegistryFlags, readRegistryFlags } from './registry-options.ts';

/** The flags of commands that look into a registry wherever it is. */
export interface PlaceFlags extends RegistryFlags {
  readonly cluster?: string;
}

export function addPlaceOptions(command: Command): Command {
  return addRegistryOptions(command);
}

/** Opens what the user names and works on it. */
export async function withPlace<T>(
  name: string | undefined,
  flags: PlaceFlags,
  options: { readonly exists: boolean },
  work: (place: RegistryPlace) => Promise<T>,
): Promise<T> {
  const { badInput, openPlace } = await import('@sealos/image');
  if (name === undefined) throw badInput('no-registry', 'no registry is named', 'name a directory or HOST:PORT');
  const registry = await readRegistryFlags(flags, interrupted);
  await using place = await openPlace(name, { registry, exists: options.exists });
  return await work(place);
}
