import type { StoreReport } from '@sealos/image';
import { Command, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { formatBytes, formatJson } from '../output.ts';

interface StoreCheckFlags {
  readonly repair?: boolean;
  readonly output?: 'json';
  readonly quiet?: boolean;
}

export function storeCheckCommand(): Command {
  return new Command('check')
    .description('Hold every content against its digest and every name against what it needs; exit status 1 where something is wrong')
    .option('--repair', 'move what is broken out of the way and remove names that lead to nothing')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['json']))
    .option('-q, --quiet', 'print faults only')
    .action(check);
}

async function check(flags: StoreCheckFlags): Promise<void> {
  const { checkStore, defaultStorePath, shownName } = await import('@sealos/image');
  const report = await checkStore(defaultStorePath(), { repair: flags.repair, signal: interrupted });
  if (flags.output === 'json') console.log(formatJson(report));
  else {
    for (const { subject, text, mended } of report.faults) {
      console.log(shownName(`${subject} ${text}`) + (mended === undefined ? '' : `: ${mended}`));
    }
    if (!flags.quiet) console.log(conclusion(report));
  }
  if (report.faults.some(({ mended }) => mended === undefined)) process.exitCode = 1;
}

function conclusion({ path, images, blobs, bytes, unnamed, quarantine, faults }: StoreReport): string {
  const lines = [`${path}: ${images} names, ${blobs} blobs, ${formatBytes(bytes)}`];
  if (unnamed.blobs > 0)
    lines.push(`no name leads to ${unnamed.blobs} blobs, ${formatBytes(unnamed.bytes)}: sealos rmi --prune removes them`);
  if (quarantine.files > 0)
    lines.push(`sealos/quarantine holds ${quarantine.files} files, ${formatBytes(quarantine.bytes)}: remove it when you need none of them`);
  const left = faults.filter(({ mended }) => mended === undefined).length;
  if (faults.length === 0) lines.push('nothing is wrong');
  else if (left === 0) lines.push(`${faults.length} faults, all mended`);
  else lines.push(`${left} faults: sealos store check --repair mends what can be mended`);
  return lines.join('\n');
}
