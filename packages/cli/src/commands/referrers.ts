import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes, formatTable } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags } from '../registry-options.ts';

interface ReferrersFlags extends RegistryFlags {
  readonly type?: string;
  readonly content?: boolean;
  readonly registry?: boolean;
  readonly platform?: string;
  readonly output?: 'json';
}

export function referrersCommand(): Command {
  const command = new Command('referrers')
    .description('List what refers to an image: its SBOM, its provenance, what others attached')
    .argument('<image>', 'an image of this machine; docker://NAME is the one at the registry')
    .option('--type <type>', 'only those of this type, e.g. application/spdx+json')
    .option('--content', 'print the content of the only one')
    .option('--platform <os/arch>', "out of a manifest list, this platform's image (default: the list itself)")
    .option('--registry', 'the image is at its registry')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']));
  return addRegistryOptions(addCredentialsOption(command)).action(referrers);
}

async function referrers(name: string, flags: ReferrersFlags): Promise<void> {
  const { badInput, familiarName, listReferrers, parsePlatform, readReferrer, resolveManifest } = await import('@sealos/image/signing');
  const { openPlaces } = await import('../signing-place.ts');
  const platform = flags.platform === undefined ? undefined : parsePlatform(flags.platform);
  await using places = await openPlaces([name], flags);
  const [image] = places.images;
  if (image === undefined) return;
  const { reference, place } = image;
  const options = { signal: interrupted };
  const resolved = await place.resolve(reference, options);
  const { digest } = platform === undefined ? resolved : await resolveManifest(place, reference, resolved, { ...options, platform });
  const found = (await listReferrers(place, reference, digest, options)).filter(
    ({ artifactType }) => flags.type === undefined || artifactType === flags.type,
  );
  if (flags.content) {
    const [one, other] = found;
    const what = flags.type === undefined ? 'referrers' : `referrers of type ${flags.type}`;
    if (one === undefined)
      throw badInput('no-referrer', `${familiarName(reference)} has no ${what}`, `'sealos referrers ${name}' lists them`);
    if (other !== undefined)
      throw badInput('many-referrers', `${familiarName(reference)} has ${found.length} ${what}`, 'choose one with --type TYPE');
    process.stdout.write(await readReferrer(place, reference, one, options));
    return;
  }
  if (flags.output === 'json') {
    console.log(JSON.stringify(found, undefined, 2));
    return;
  }
  console.log(
    formatTable(
      ['TYPE', 'DIGEST', 'SIZE'],
      found.map((one) => [one.artifactType ?? '-', one.digest, formatBytes(one.size)]),
    ),
  );
}
