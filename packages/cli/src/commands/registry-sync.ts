import type { Platform } from '@sealos/image';
import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface SyncFlags extends RegistryFlags {
  readonly all?: boolean;
  readonly overrideArch?: string;
  readonly overrideOs?: string;
  readonly overrideVariant?: string;
  readonly quiet?: boolean;
}

function addSyncOptions(command: Command): Command {
  return addRegistryOptions(
    command
      .option('-a, --all', 'all platforms of each image, and what no tag leads to where that can be told (default: one platform)')
      .option('--override-arch <arch>', "the platform's architecture in place of this machine's")
      .option('--override-os <os>', "the platform's system in place of linux")
      .option('--override-variant <variant>', "the architecture's variant")
      .option('-q, --quiet', 'print errors only'),
  );
}

export function syncCommand(): Command {
  const command = new Command('sync')
    .description('Copy all repositories and tags of a registry to another; what is there is not sent, so repeating it goes on')
    .argument('<source>', "HOST[:PORT], or a directory such as a cluster image's registry/")
    .argument('<target>', 'HOST[:PORT], or a directory, made when missing');
  return addSyncOptions(command).action(sync);
}

export function copyCommand(): Command {
  const command = new Command('copy')
    .description('Copy one image from its registry to another, under the same name there')
    .argument('<image>', 'with its registry, e.g. registry.k8s.io/pause:3.9')
    .argument('<target>', 'HOST[:PORT], or a directory, made when missing');
  return addSyncOptions(command).action(copy);
}

async function platformOf(flags: SyncFlags): Promise<Platform | 'all' | undefined> {
  const { badInput, hostPlatform, parsePlatform } = await import('@sealos/image');
  const { overrideArch, overrideOs, overrideVariant } = flags;
  const isOverridden = overrideArch !== undefined || overrideOs !== undefined || overrideVariant !== undefined;
  if (flags.all) {
    if (isOverridden) throw badInput('bad-flags', '--all takes every platform: --override-… goes without it');
    return 'all';
  }
  if (!isOverridden) return undefined;
  const own = hostPlatform();
  const words = [overrideOs ?? own.os, overrideArch ?? own.architecture, ...(overrideVariant === undefined ? [] : [overrideVariant])];
  return parsePlatform(words.join('/'));
}

async function sync(sourceName: string, targetName: string, flags: SyncFlags): Promise<void> {
  const { openPlace, SealosError, syncRegistry } = await import('@sealos/image');
  const platform = await platformOf(flags);
  using progress = showTransfers({ quiet: flags.quiet });
  const registry = await readRegistryFlags(flags, interrupted, progress.onEvent);
  await using source = await openPlace(sourceName, { registry, exists: true });
  await using target = await openPlace(targetName, { registry, exists: false });
  const { copied, there, failed } = await syncRegistry(source, target, {
    platform,
    signal: interrupted,
    onEvent: progress.onEvent,
    onImage: (name, outcome) => progress.print(outcome === 'copied' ? `${name}\n` : `${name} is there\n`),
  });
  progress[Symbol.dispose]();
  for (const { name, error } of failed) process.stderr.write(`sealos: ${name}: ${error.message}\n`);
  if (!flags.quiet) console.log(`${copied} copied, ${there} there already, ${failed.length} failed`);
  if (failed.length === 0) return;
  throw new SealosError('sync-incomplete', `${failed.length} of ${copied + there + failed.length} images could not be copied`, {
    hint: failed.some(({ error }) => error.code === 'no-platform') ? '--all copies every platform there is' : undefined,
  });
}

async function copy(image: string, targetName: string, flags: SyncFlags): Promise<void> {
  const { copyToRegistry, familiarName, openPlace, openRegistry, parseReference } = await import('@sealos/image');
  const platform = await platformOf(flags);
  const reference = parseReference(image.replace(/^docker:\/\//, ''));
  using progress = showTransfers({ quiet: flags.quiet });
  const registry = await readRegistryFlags(flags, interrupted, progress.onEvent);
  await using source = openRegistry(registry);
  await using target = await openPlace(targetName, { registry, exists: false });
  const outcome = await copyToRegistry(source, reference, target, { platform, signal: interrupted, onEvent: progress.onEvent });
  progress[Symbol.dispose]();
  if (!flags.quiet) console.log(`${familiarName(reference)} ${outcome === 'copied' ? 'is now' : 'was already'} in ${target.title}`);
}
