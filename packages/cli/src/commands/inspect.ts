import type { ContentSource } from '@sealos/image';
import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatJson } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface InspectFlags extends RegistryFlags {
  readonly platform?: string;
  readonly format?: string;
  readonly type?: 'image' | 'container';
}

export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description("Show an image's manifest and configuration as JSON")
    .argument('<image>', 'an image of this machine, or with docker:// of its registry; or a container')
    .option('--platform <os/arch>', "out of a manifest list, this platform's image")
    .option('-f, --format <template>', 'a Go template over the same data, e.g. {{.OCIv1.architecture}}')
    .addOption(new Option('-o, --output <format>', 'output format (the only one)').choices(['json']).default('json').hideHelp())
    .addOption(
      new Option('-t, --type <type>', 'what is inspected (default: a container of the name, else an image)').choices([
        'image',
        'container',
      ]),
    );
  return addRegistryOptions(addCredentialsOption(command)).action(inspect);
}

async function inspect(name: string, flags: InspectFlags): Promise<void> {
  const { withGoNames } = await import('../inspect-data.ts');
  const data = name.startsWith('docker://') ? await dataOfRegistry(name, flags) : await dataOfStore(name, flags);
  if (flags.format === undefined) {
    console.log(formatJson(data));
    return;
  }
  const { renderTemplate } = await import('@sealos/template');
  console.log(renderTemplate(flags.format, JSON.parse(JSON.stringify(withGoNames(data))), { name: '--format' }));
}

async function dataOfRegistry(name: string, flags: InspectFlags): Promise<object> {
  const { openRegistry } = await import('@sealos/image/remote');
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted));
  return await dataOf(registry, name.replace(/^docker:\/\//, ''), flags);
}

async function dataOfStore(name: string, flags: InspectFlags): Promise<object> {
  const { findTree, formatReference, listTrees, openStore, parseReference } = await import('@sealos/image/local');
  const { containerData } = await import('../inspect-data.ts');
  await using store = await openStore();
  const isTree = flags.type !== 'image' && (await listTrees(store)).some((tree) => tree.name === name || tree.id === name);
  if (flags.type !== 'container' && !isTree) return await dataOf(store, name, flags);
  const tree = await findTree(store, name);
  // Its image may have been removed since.
  const image = await dataOf(store, tree.image, { ...flags, platform: tree.platform }).catch(() => ({
    FromImage: formatReference(parseReference(tree.image)),
    FromImageDigest: tree.digest,
  }));
  return containerData(tree, image);
}

async function dataOf(source: ContentSource, name: string, flags: InspectFlags): Promise<object> {
  const { artifactTypeOf, formatReference, openImage, openManifest, parsePlatform, parseReference } = await import('@sealos/image/local');
  const { imageData } = await import('../inspect-data.ts');
  const reference = parseReference(name);
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  const options = { platform, signal: interrupted };
  const { descriptor, manifest } = await openManifest(source, reference, options);
  const artifact = artifactTypeOf(manifest);
  if (artifact === undefined) return imageData(await openImage(source, reference, options), formatReference(reference));
  return {
    Type: 'artifact',
    ArtifactType: artifact,
    FromImage: formatReference(reference),
    FromImageDigest: descriptor.digest,
    Manifest: manifest,
  };
}
