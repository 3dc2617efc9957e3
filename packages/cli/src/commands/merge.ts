import { Command } from 'commander';
import { loadArchives } from '../archive-arguments.ts';
import { pairs } from '../build-flags.ts';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface MergeFlags extends RegistryFlags {
  readonly tag: readonly string[];
  readonly platform?: string;
  readonly label: readonly string[];
  readonly env: readonly string[];
  readonly annotation: readonly string[];
  readonly quiet?: boolean;
}

const collect = (value: string, list: readonly string[]) => [...list, value];

export function mergeCommand(): Command {
  const command = new Command('merge')
    .description(
      'Make one image of several: the files of each over those before, labels and variables together, commands one after the other',
    )
    .argument('<image...>', 'two images or more, or archives of images; what is not on this machine is pulled')
    .requiredOption('-t, --tag <name>', "the new image's name; repeatable", collect, [])
    .option('--platform <os/arch>', 'the platform of the images (default: that of this machine)')
    .option('--label <K=V>', "a label, over the images'; repeatable", collect, [])
    .option('--env <K=V>', "a variable, over the images'; without =V this process's own; repeatable", collect, [])
    .option('--annotation <K=V>', "an annotation of the image's manifest; repeatable", collect, [])
    .option('-q, --quiet', "print only the image's digest");
  return addRegistryOptions(addCredentialsOption(command)).action(merge);
}

async function merge(images: readonly string[], flags: MergeFlags): Promise<void> {
  const { badInput, familiarName, mergeImages, openRegistry, openStore, parsePlatform, parseReference, pullImage } = await import(
    '@sealos/image'
  );
  const nameless = (flag: string) => (text: string) => badInput('bad-flag', `${flag} '${text}' has no name before the =`);
  const names = flags.tag.map(parseReference);
  if (names.length === 0) throw badInput('bad-flag', 'the new image has no name', 'give it one with -t NAME');
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  const options = {
    names,
    platform,
    labels: pairs(flags.label, () => '', nameless('--label')),
    env: pairs(flags.env, (key) => process.env[key] ?? '', nameless('--env')),
    annotations: pairs(flags.annotation, () => '', nameless('--annotation')),
    environment: process.env,
    signal: interrupted,
  };
  await using store = await openStore();
  const references = (await loadArchives(store, images, { signal: interrupted })).map(parseReference);
  using progress = showTransfers({ quiet: flags.quiet });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  const onEvent: typeof progress.onEvent = (event) => {
    if (event.kind !== 'skip') progress.onEvent(event);
  };
  for (const reference of references) await pullImage(store, reference, { platform, registry, onEvent, signal: interrupted });
  const { digest } = await mergeImages(store, references, options);
  progress[Symbol.dispose]();
  if (flags.quiet) console.log(digest);
  else for (const name of names) console.log(`${familiarName(name)} is ${digest}`);
}
