import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes, formatTable } from '../output.ts';

interface ImagesFlags {
  readonly output?: 'json';
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly noheading?: boolean;
  readonly trunc: boolean;
  readonly digests?: boolean;
}

export function imagesCommand(): Command {
  return new Command('images')
    .description('List the images on this machine')
    .argument('[name]', 'only images of this name, with any tag')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .option('--json', 'the same as -o json')
    .option('-q, --quiet', 'only digests')
    .option('-n, --noheading', 'no heading')
    .option('--digests', 'show digests')
    .option('--no-trunc', 'show digests whole')
    .action(listImages);
}

async function listImages(name: string | undefined, flags: ImagesFlags): Promise<void> {
  const { formatPlatform, imageSummary, openStore, parseReference } = await import('@sealos/image/local');
  await using store = await openStore();
  const wanted = name === undefined ? undefined : parseReference(name);
  const rows = [];
  for (const { reference, descriptor } of await store.list()) {
    if (wanted && (wanted.registry !== reference.registry || wanted.repository !== reference.repository)) continue;
    if (wanted && name?.includes(':', name.lastIndexOf('/')) && wanted.tag !== reference.tag) continue;
    rows.push(await imageSummary(store, reference, descriptor, { signal: interrupted }));
  }
  if (flags.json || flags.output === 'json') {
    const shown = rows.map((row) => ({
      name: row.name,
      digest: row.digest,
      ...(row.created === undefined ? {} : { created: row.created }),
      size: row.bytes,
      platforms: row.platforms.map(formatPlatform),
      ...(row.artifactType === undefined ? {} : { artifactType: row.artifactType }),
    }));
    console.log(JSON.stringify(shown, undefined, 2));
    return;
  }
  const short = (digest: string) => (flags.trunc ? digest.slice('sha256:'.length, 'sha256:'.length + 12) : digest);
  if (flags.quiet) {
    for (const digest of new Set(rows.map((row) => short(row.digest)))) console.log(digest);
    return;
  }
  const header = ['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE', ...(flags.digests ? ['DIGEST'] : [])];
  const table = formatTable(
    header,
    rows.map((row) => [
      row.repository,
      row.tag,
      short(row.digest),
      row.created?.slice(0, 10) ?? '-',
      formatBytes(row.bytes),
      ...(flags.digests ? [row.digest] : []),
    ]),
  );
  console.log(flags.noheading ? table.split('\n').slice(1).join('\n') : table);
}
