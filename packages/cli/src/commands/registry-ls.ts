import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes, formatTable } from '../output.ts';
import { addPlaceOptions, type PlaceFlags, withPlace } from '../registry-place.ts';

interface LsFlags extends PlaceFlags {
  readonly output?: 'json';
  readonly quiet?: boolean;
  readonly digests?: boolean;
}

export function lsCommand(): Command {
  const command = new Command('ls')
    .alias('list')
    .description('List what is in a registry: repositories, tags, sizes, platforms')
    .argument('[place]', "HOST[:PORT], or a directory; without it the cluster's registry")
    .argument('[repository]', 'only this one')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .option('--digests', 'show digests')
    .option('-q, --quiet', 'only names: REPOSITORY:TAG');
  return addPlaceOptions(command).action(list);
}

async function list(first: string | undefined, second: string | undefined, flags: LsFlags): Promise<void> {
  const isCluster = flags.cluster !== undefined || first === undefined;
  const { badInput } = await import('@sealos/image');
  if (flags.cluster !== undefined && second !== undefined) throw badInput('bad-flags', 'name a registry or a cluster, not both');
  const [placeName, repository] = isCluster ? [undefined, first] : [first, second];
  const { formatPlatform, listImages } = await import('@sealos/image');
  const images = await withPlace(placeName, isCluster ? { cluster: 'default', ...flags } : flags, (place) =>
    listImages(place, repository, { signal: interrupted }),
  );
  if (images.some(({ problem }) => problem !== undefined)) process.exitCode = 1;
  for (const { repository: name, tag, problem } of images) {
    if (problem !== undefined) process.stderr.write(`sealos: ${name}:${tag}: ${problem}\n`);
  }
  if (flags.output === 'json') {
    const shown = images.map(({ repository: name, tag, digest, bytes, platforms, problem }) => ({
      ...{ repository: name, tag, digest, size: bytes, platforms: platforms.map(formatPlatform) },
      ...(problem === undefined ? {} : { problem }),
    }));
    console.log(JSON.stringify(shown, undefined, 2));
  } else if (flags.quiet) {
    for (const { repository: name, tag } of images) console.log(`${name}:${tag}`);
  } else {
    const table = formatTable(
      ['REPOSITORY', 'TAG', 'SIZE', 'PLATFORMS', ...(flags.digests ? ['DIGEST'] : [])],
      images.map(({ repository: name, tag, digest, bytes, platforms, problem }) => [
        name,
        tag,
        problem === undefined ? formatBytes(bytes) : '-',
        platforms.map(formatPlatform).join(', ') || '-',
        ...(flags.digests ? [digest ?? '-'] : []),
      ]),
    );
    console.log(table);
  }
}
