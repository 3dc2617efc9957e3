import type { Store, Trust } from '@sealos/image';
import type { ChangeOptions, ChangeResult, Ssh } from '@sealos/runtime';
import { type Command, Option } from 'commander';
import { interrupted } from './interrupt.ts';
import { version } from './product.ts';
import { showRun } from './progress/show-run.ts';
import { stepTimeout } from './settings.ts';
import { addSshOptions, readSshFlags, type SshFlags } from './ssh-options.ts';

/** The flags of every command that changes a cluster's hosts. */
export interface ChangeFlags extends SshFlags {
  readonly cluster: string;
  readonly verifyKey?: readonly string[];
  readonly signaturePolicy?: string;
  readonly dryRun?: boolean;
  readonly adoptContainerd?: boolean;
  readonly logFormat: 'auto' | 'plain' | 'json';
  readonly quiet?: boolean;
}

export function addChangeOptions(command: Command): Command {
  return addSshOptions(
    command
      .option('--dry-run', 'show what would be done, and change nothing')
      .option('-q, --quiet', 'print errors only')
      .addOption(new Option('--log-format <format>', 'how progress is printed').choices(['auto', 'plain', 'json']).default('auto')),
  );
}

/** Does a change with its progress shown, and tells its end. `ready` says what a change that did something brought. */
export async function change(
  flags: ChangeFlags,
  act: (options: ChangeOptions & { readonly store: Store; readonly trust: Trust }, ssh: Ssh) => Promise<ChangeResult>,
  ready: (result: ChangeResult) => string,
): Promise<void> {
  const { openStore, parsePlatform, parseReference, pullImage } = await import('@sealos/image');
  const { ownAddress } = await import('@sealos/runtime');
  const { showTransfers } = await import('./output.ts');
  const { readTrustFlags } = await import('./trust-options.ts');
  const trust = await readTrustFlags({ ...flags, verifyKey: flags.verifyKey ?? [] });
  const choice = await readSshFlags(flags, interrupted);
  await using store = await openStore();
  using progress = showRun({ format: flags.logFormat, quiet: flags.quiet, isAnswer: flags.dryRun });
  const options = {
    connection: { ...choice.connection, localIp: ownAddress },
    store,
    async pull(name: string, platform: { readonly os: string; readonly architecture: string }, signal: AbortSignal) {
      using transfers = showTransfers({ quiet: flags.quiet });
      await pullImage(store, parseReference(name), {
        platform: parsePlatform(`${platform.os}/${platform.architecture}`),
        trust,
        onEvent: transfers.onEvent,
        signal,
      });
    },
    trust,
    dryRun: flags.dryRun ?? false,
    adoptContainerd: flags.adoptContainerd ?? false,
    sealosVersion: version,
    timeout: stepTimeout(process.env),
    onEvent: progress.onEvent,
    signal: interrupted,
  };
  const result = await act(options, choice.ssh);
  progress[Symbol.dispose]();
  if (flags.quiet || flags.logFormat === 'json') return;
  if (flags.dryRun) console.log(result.changed === 0 ? 'nothing would be changed' : 'nothing was changed: this was a dry run');
  else if (result.changed === 0) console.log(`cluster '${result.cluster}' is as it should be: nothing was changed`);
  else console.log(ready(result));
}
