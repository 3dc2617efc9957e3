import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';

interface ConvertFlags {
  readonly tag: string;
  readonly version?: string;
  readonly registry?: string;
  readonly cni: boolean;
  readonly quiet?: boolean;
}

export function convertCommand(): Command {
  return new Command('convert')
    .description('Make a cluster image of an offline package of sealos 1 to 3 (kube1.x.tar.gz), to be run as any other')
    .argument('<package>', 'archive file of the package; - is standard input')
    .requiredOption('-t, --tag <name>', 'what the image is called')
    .option('--version <version>', 'its Kubernetes version, where nothing in it says which (v1.22.0)')
    .option('--registry <file>', 'program that serves container images (default: that of a rootfs image on this machine)')
    .option('--no-cni', "leave out the package's pod network")
    .option('-q, --quiet', 'print only the name of the image')
    .action(convert);
}

async function convert(path: string, flags: ConvertFlags): Promise<void> {
  const { convertPackage, familiarName, openStore } = await import('@sealos/image');
  await using store = await openStore();
  using progress = showTransfers({ quiet: flags.quiet });
  const { name, version, images, warnings } = await convertPackage(store, path, {
    name: flags.tag,
    version: flags.version,
    registry: flags.registry,
    withoutCni: !flags.cni,
    onEvent: progress.onEvent,
    signal: interrupted,
  });
  progress[Symbol.dispose]();
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  const shown = familiarName(name);
  console.log(
    flags.quiet ? shown : `${shown} is Kubernetes ${version} with ${images.length} container images: sealos run ${shown} --masters …`,
  );
}
