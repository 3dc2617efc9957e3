import type { ImageSummary } from '@sealos/image';
import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes, formatJson, formatTable } from '../output.ts';
import { formatRows } from '../row-template.ts';
import { collect } from '../values-options.ts';

interface ImagesFlags {
  readonly output?: 'json';
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly noheading?: boolean;
  readonly trunc: boolean;
  readonly notruncate?: boolean;
  readonly digests?: boolean;
  readonly filter: readonly string[];
  readonly format?: string;
  readonly history?: boolean;
}

export function imagesCommand(): Command {
  return new Command('images')
    .description('List the images on this machine')
    .argument('[name]', 'only images of this name, with any tag')
    .option('-f, --filter <K=V>', 'only those with reference=GLOB, label=K[=V], before=IMAGE, since=IMAGE; repeatable', collect, [])
    .option('--format <template>', 'a Go template for each, e.g. {{.Name}}:{{.Tag}}; table TEMPLATE has a heading; json')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .option('--json', 'the same as -o json')
    .option('-q, --quiet', 'only digests')
    .option('-n, --noheading', 'no heading')
    .option('--digests', 'show digests')
    .option('--history', 'show every name of the same image')
    .option('--no-trunc', 'show digests whole')
    .addOption(new Option('--notruncate', 'as --no-trunc').hideHelp())
    .addOption(new Option('-a, --all', 'those without a name too: there are none').hideHelp())
    .action(listImages);
}

async function listImages(name: string | undefined, flags: ImagesFlags): Promise<void> {
  const { formatPlatform, imageSummary, openStore, parseImageFilters, parseReference } = await import('@sealos/image/local');
  await using store = await openStore();
  const wanted = name === undefined ? undefined : parseReference(name);
  const passes = await parseImageFilters(store, flags.filter, { signal: interrupted });
  const listed = await store.list();
  const rows: ImageSummary[] = [];
  for (const { reference, descriptor } of listed) {
    if (wanted && (wanted.registry !== reference.registry || wanted.repository !== reference.repository)) continue;
    if (wanted && name?.includes(':', name.lastIndexOf('/')) && wanted.tag !== reference.tag) continue;
    const row = await imageSummary(store, reference, descriptor, { signal: interrupted });
    if (passes(row)) rows.push(row);
  }
  const { familiarName } = await import('@sealos/image/local');
  const namesOf = ({ digest }: ImageSummary) =>
    listed.filter(({ descriptor }) => descriptor.digest === digest).map(({ reference }) => familiarName(reference));
  if (flags.json || flags.output === 'json' || flags.format === 'json') {
    const shown = rows.map((row) => ({
      id: row.digest.slice('sha256:'.length),
      name: row.name,
      names: namesOf(row),
      digest: row.digest,
      ...(row.created === undefined ? {} : { created: row.created }),
      size: row.bytes,
      platforms: row.platforms.map(formatPlatform),
      ...(row.artifactType === undefined ? {} : { artifactType: row.artifactType }),
    }));
    console.log(formatJson(shown));
    return;
  }
  const short = (digest: string) => (flags.trunc && !flags.notruncate ? digest.slice('sha256:'.length, 'sha256:'.length + 12) : digest);
  if (flags.quiet) {
    for (const digest of new Set(rows.map((row) => short(row.digest)))) console.log(digest);
    return;
  }
  if (flags.format !== undefined) {
    const data = rows.map((row) => fieldsOf(row, short(row.digest), row.platforms.map(formatPlatform).join(','), namesOf(row)));
    const text = await formatRows(flags.format, data, { heading: !flags.noheading });
    if (text !== '') console.log(text);
    return;
  }
  const header = [
    ...['REPOSITORY', 'TAG', 'IMAGE ID', 'CREATED', 'SIZE'],
    ...(flags.digests ? ['DIGEST'] : []),
    ...(flags.history ? ['HISTORY'] : []),
  ];
  const table = formatTable(
    header,
    rows.map((row) => [
      row.repository,
      row.tag,
      short(row.digest),
      row.created?.slice(0, 10) ?? '-',
      formatBytes(row.bytes),
      ...(flags.digests ? [row.digest] : []),
      ...(flags.history ? [namesOf(row).join(', ')] : []),
    ]),
  );
  console.log(flags.noheading ? table.split('\n').slice(1).join('\n') : table);
}

/** The fields that buildah's and podman's templates have. */
function fieldsOf(row: ImageSummary, id: string, platform: string, names: readonly string[]): Readonly<Record<string, string>> {
  return {
    Name: row.repository,
    Repository: row.repository,
    Tag: row.tag,
    ID: id,
    Digest: row.digest,
    Created: row.created?.slice(0, 10) ?? '-',
    CreatedAt: row.created ?? '-',
    CreatedAtRaw: row.created ?? '-',
    Size: formatBytes(row.bytes),
    Platform: platform,
    Names: names.join(', '),
    History: names.join(', '),
    ReadOnly: 'false',
  };
}
