import { Command, Option } from 'commander';
import { formatTable } from '../output.ts';
import { formatRows } from '../row-template.ts';

interface ContainersFlags {
  readonly json?: boolean;
  readonly format?: string;
  readonly quiet?: boolean;
  readonly noheading?: boolean;
}

export function containersCommand(): Command {
  return new Command('containers')
    .aliases(['list', 'ls', 'ps'])
    .description('List the images that are unpacked on this machine')
    .option('--json', 'as JSON')
    .option('-q, --quiet', 'only ids')
    .option('-n, --noheading', 'no heading')
    .addOption(new Option('-a, --all', 'those of others too: there are none').hideHelp())
    .option('--format <template>', 'a Go template for each, e.g. {{.ContainerName}}')
    .addOption(new Option('--no-trunc', 'ids are never cut').hideHelp())
    .addOption(new Option('--notruncate', 'ids are never cut').hideHelp())
    .action(listContainers);
}

async function listContainers(flags: ContainersFlags): Promise<void> {
  const { familiarName, listTrees, openStore, parseReference } = await import('@sealos/image/trees');
  await using store = await openStore();
  const trees = await listTrees(store);
  if (flags.json) {
    const shown = trees.map(({ id, image, digest, name, isMounted, root, platform, created }) => ({
      id,
      builder: true,
      imageid: digest.slice('sha256:'.length),
      imagename: image,
      containername: name,
      platform,
      created,
      ...(isMounted ? { mountpoint: root } : {}),
    }));
    console.log(JSON.stringify(shown, undefined, 4));
    return;
  }
  if (flags.quiet) {
    for (const { id } of trees) console.log(id);
    return;
  }
  if (flags.format !== undefined) {
    const data = trees.map(({ id, digest, image, name }) => ({
      ContainerID: id,
      Builder: '*',
      ImageID: digest.slice('sha256:'.length),
      ImageName: familiarName(parseReference(image)),
      ContainerName: name,
    }));
    const text = await formatRows(flags.format, data, { heading: !flags.noheading });
    if (text !== '') console.log(text);
    return;
  }
  const header = ['CONTAINER ID', 'BUILDER', 'IMAGE ID', 'IMAGE NAME', 'CONTAINER NAME'];
  const rows = trees.map(({ id, digest, image, name }) => [id, '*', digest.slice(7, 19), familiarName(parseReference(image)), name]);
  const table = formatTable(header, rows);
  console.log(flags.noheading ? table.split('\n').slice(1).join('\n') : table);
}
