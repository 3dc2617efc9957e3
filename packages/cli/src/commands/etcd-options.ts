import type { EtcdTarget, S3Target } from '@sealos/runtime';
import { type Command, InvalidArgumentError } from 'commander';
import { interrupted } from '../interrupt.ts';
import { addSshOptions, readSshFlags, type SshFlags } from '../ssh-options.ts';

/** Which cluster, and how its hosts are reached. */
export interface EtcdFlags extends SshFlags {
  readonly cluster: string;
}

export function addEtcdOptions(command: Command): Command {
  return addSshOptions(command.option('-c, --cluster <name>', 'name of the cluster', 'default'));
}

export async function etcdTarget(flags: EtcdFlags): Promise<EtcdTarget> {
  const { ownAddress } = await import('@sealos/runtime');
  const choice = await readSshFlags(flags, interrupted);
  return {
    cluster: flags.cluster,
    ssh: choice.ssh,
    connection: { ...choice.connection, localIp: ownAddress },
    signal: interrupted,
  };
}

export interface S3Flags {
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
}

export function addS3Options(command: Command): Command {
  return command
    .option('--s3-endpoint <url>', "the storage's address where it is not Amazon's (also AWS_ENDPOINT_URL)")
    .option('--s3-region <region>', 'region of the bucket (also AWS_REGION; default: us-east-1)');
}

/** Credentials come from AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the shared credentials file: never from a flag. */
export async function readS3(location: string, flags: S3Flags): Promise<S3Target> {
  const { s3Target } = await import('@sealos/runtime');
  return s3Target({ location, endpoint: flags.s3Endpoint, region: flags.s3Region }, process.env);
}

export function readKeep(text: string): number {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('a whole number from 1 on is expected.');
}
