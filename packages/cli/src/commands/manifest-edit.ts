import type { MemberFacts } from '@sealos/image';
import { Command } from 'commander';
import { pairs } from '../build-flags.ts';
import { interrupted } from '../interrupt.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface FactFlags {
  readonly annotation: readonly string[];
  readonly arch?: string;
  readonly os?: string;
  readonly variant?: string;
  readonly osVersion?: string;
  readonly features: readonly string[];
  readonly osFeatures: readonly string[];
}

interface AddFlags extends RegistryFlags, FactFlags {
  readonly all?: boolean;
}

interface CreateFlags extends RegistryFlags {
  readonly all?: boolean;
  readonly amend?: boolean;
}

const collect = (value: string, list: readonly string[]) => [...list, value];
const collectWords = (value: string, list: readonly string[]) => [...list, ...value.split(',').filter(Boolean)];

function addFactOptions(command: Command): Command {
  return command
    .option('--annotation <K=V>', 'an annotation of its entry in the list; repeatable', collect, [])
    .option('--arch <arch>', "its architecture, instead of the image's own")
    .option('--os <os>', "its system, instead of the image's own")
    .option('--variant <variant>', "its architecture's variant, for example v8")
    .option('--os-version <version>', 'the version of the system that it is for')
    .option('--os-features <feature>', 'what the system has to have; repeatable', collectWords, [])
    .option('--features <feature>', 'what the processor has to have; repeatable', collectWords, []);
}

async function readFacts(flags: FactFlags): Promise<MemberFacts> {
  const { badInput } = await import('@sealos/image');
  const nameless = (text: string) => badInput('bad-flag', `--annotation '${text}' has no name before the =`);
  const list = (words: readonly string[]) => (words.length === 0 ? undefined : words);
  return {
    os: flags.os,
    architecture: flags.arch,
    variant: flags.variant,
    osVersion: flags.osVersion,
    osFeatures: list(flags.osFeatures),
    features: list(flags.features),
    annotations: flags.annotation.length === 0 ? undefined : pairs(flags.annotation, () => '', nameless),
  };
}

export function createCommand(): Command {
  const command = new Command('create')
    .description('Make a list, empty or of images')
    .argument('<list>', "the list's name")
    .argument('[image...]', 'images of this machine, or of a registry (docker://NAME)')
    .option('--all', 'of an image that is a list itself take all of its platforms')
    .option('--amend', 'add to the list where it is there already');
  return addRegistryOptions(addCredentialsOption(command)).action(async (name: string, images: readonly string[], flags: CreateFlags) => {
    const { createList, openRegistry, openStore, parseReference } = await import('@sealos/image');
    const reference = parseReference(name);
    await using registry = openRegistry(await readRegistryFlags(flags, interrupted));
    await using store = await openStore();
    const options = { registry, all: flags.all, amend: flags.amend, signal: interrupted };
    console.log((await createList(store, reference, images, options)).descriptor.digest);
  });
}

export function addCommand(): Command {
  const command = new Command('add')
    .description('Add images to a list; one of the same platform is replaced. What is at a registry is not fetched')
    .argument('<list>', "the list's name")
    .argument('<image...>', 'images of this machine, or of a registry (docker://NAME)')
    .option('--all', 'of an image that is a list itself take all of its platforms');
  return addRegistryOptions(addCredentialsOption(addFactOptions(command))).action(
    async (name: string, images: readonly string[], flags: AddFlags) => {
      const { addToList, openRegistry, openStore, parseReference } = await import('@sealos/image');
      const [reference, facts] = [parseReference(name), await readFacts(flags)];
      await using registry = openRegistry(await readRegistryFlags(flags, interrupted));
      await using store = await openStore();
      for (const image of images) {
        const { descriptor, added } = await addToList(store, reference, image, { registry, all: flags.all, facts, signal: interrupted });
        for (const { digest } of added) console.log(`${descriptor.digest}: ${digest}`);
      }
    },
  );
}

export function annotateCommand(): Command {
  const command = new Command('annotate')
    .description('Say more about an image of a list')
    .argument('<list>', "the list's name")
    .argument('<image>', 'its digest, or the name of an image of this machine');
  return addFactOptions(command).action(async (name: string, image: string, flags: FactFlags) => {
    const { annotateMember, openStore, parseReference } = await import('@sealos/image');
    const [reference, facts] = [parseReference(name), await readFacts(flags)];
    await using store = await openStore();
    console.log((await annotateMember(store, reference, image, facts, { signal: interrupted })).descriptor.digest);
  });
}

export function removeCommand(): Command {
  return new Command('remove')
    .description('Take an image out of a list')
    .argument('<list>', "the list's name")
    .argument('<image>', 'its digest, or the name of an image of this machine')
    .action(async (name: string, image: string) => {
      const { openStore, parseReference, removeMember } = await import('@sealos/image');
      const reference = parseReference(name);
      await using store = await openStore();
      console.log((await removeMember(store, reference, image, { signal: interrupted })).descriptor.digest);
    });
}
