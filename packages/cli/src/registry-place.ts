import type { RegistryPlace } from '@sealos/image';
import type { ClusterRegistryOptions } from '@sealos/runtime';
import type { Command } from 'commander';
import { interrupted } from './interrupt.ts';
import { addRegistryOptions, type RegistryFlags, readRegistryFlags } from './registry-options.ts';
import { addSshOptions, readSshFlags, type SshFlags } from './ssh-options.ts';

/** The flags of commands that look into a registry wherever it is: an address, a directory, or a cluster's. */
export interface PlaceFlags extends RegistryFlags, SshFlags {
  readonly cluster?: string;
}

export function addPlaceOptions(command: Command): Command {
  return addSshOptions(addRegistryOptions(addClusterOption(command)));
}

export function addClusterOption(command: Command): Command {
  return command.option('-c, --cluster <name>', "the registry of this cluster, by way of its host's sshd and with its own login");
}

/** Opens a registry and works on it: the cluster's where `flags` name one, else what the user calls it. */
export async function withPlace<T>(name: string | undefined, flags: PlaceFlags, work: (place: RegistryPlace) => Promise<T>): Promise<T> {
  await using place = await openNamed(name, flags);
  return await work(place);
}

async function openNamed(name: string | undefined, flags: PlaceFlags): Promise<RegistryPlace> {
  const { badInput, openPlace } = await import('@sealos/image');
  if (flags.cluster !== undefined) {
    const { openClusterRegistry } = await import('@sealos/runtime');
    return openClusterRegistry(await clusterOf(flags.cluster, flags));
  }
  if (name === undefined) throw badInput('no-registry', 'no registry is named', 'name a directory, HOST:PORT, or a cluster with -c');
  return openPlace(name, { registry: await readRegistryFlags(flags, interrupted), exists: true });
}

/** How the host of a cluster's registry is reached. */
export async function clusterOf(cluster: string, flags: SshFlags): Promise<ClusterRegistryOptions> {
  const { ownAddress } = await import('@sealos/runtime');
  const { ssh, connection } = await readSshFlags(flags, interrupted);
  return { cluster, ssh, connection: { ...connection, localIp: ownAddress }, signal: interrupted };
}
