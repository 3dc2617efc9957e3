import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';

interface InspectFlags {
  readonly platform?: string;
  readonly format?: string;
}

export function inspectCommand(): Command {
  return new Command('inspect')
    .description("Show an image's manifest and configuration as JSON")
    .argument('<image>', 'the image')
    .option('--platform <os/arch>', "out of a manifest list, this platform's image")
    .option('-f, --format <template>', 'a Go template over the same data, e.g. {{.OCIv1.architecture}}')
    .addOption(new Option('-o, --output <format>', 'output format (the only one)').choices(['json']).default('json').hideHelp())
    .addOption(new Option('-t, --type <type>', 'what is inspected').choices(['image']).default('image').hideHelp())
    .action(inspect);
}

async function inspect(name: string, flags: InspectFlags): Promise<void> {
  const { artifactTypeOf, formatReference, openImage, openManifest, openStore, parsePlatform, parseReference } = await import(
    '@sealos/image/local'
  );
  await using store = await openStore();
  const reference = parseReference(name);
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  const options = { platform, signal: interrupted };
  const { descriptor, manifest } = await openManifest(store, reference, options);
  const artifact = artifactTypeOf(manifest);
  // The members that buildah's inspect has, and that published pipelines read.
  const data = {
    Type: artifact === undefined ? 'image' : 'artifact',
    ...(artifact === undefined ? {} : { ArtifactType: artifact }),
    FromImage: formatReference(reference),
    FromImageDigest: descriptor.digest,
    Manifest: manifest,
    ...(artifact === undefined ? { OCIv1: (await openImage(store, reference, options)).config } : {}),
  };
  if (flags.format === undefined) {
    console.log(JSON.stringify(data, undefined, 2));
    return;
  }
  const { renderTemplate } = await import('@sealos/template');
  console.log(renderTemplate(flags.format, JSON.parse(JSON.stringify(data)), { name: '--format' }));
}
