import type { Trust } from '@sealos/image';
import type { Command } from 'commander';
import { collect } from './values-options.ts';

/** The flags of every command that lets images in. */
export interface TrustFlags {
  readonly verifyKey: readonly string[];
  readonly signaturePolicy?: string;
}

export function addTrustOptions(command: Command): Command {
  return command
    .option(
      '--verify-key <file>',
      'take only images that are signed with the key of this public key; repeatable, any of them will do',
      collect,
      [],
    )
    .option('--signature-policy <file>', "which images are taken (default: containers' policy.json; docs/trust.md)");
}

export async function readTrustFlags(flags: TrustFlags): Promise<Trust> {
  const { readTrust } = await import('@sealos/image/signing');
  return readTrust({ keyFiles: flags.verifyKey, policyFile: flags.signaturePolicy });
}
