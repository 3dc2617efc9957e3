import type { KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { badInput } from '../error.ts';
import { type Policy, readPolicy } from './policy.ts';
import { readPublicKey } from './public-key.ts';

/** A key to verify with, and how it is called in messages. */
export interface VerifyKey {
  readonly name: string;
  readonly key: KeyObject;
}

/** Which images are let into the store and onto hosts. */
export interface Trust {
  readonly policy: Policy | undefined;
  /** When there are any, an image has to be signed with one of them, besides what the policy demands. */
  readonly keys: readonly VerifyKey[];
}

export interface TrustOptions {
  /** Default: containers' policy.json, the user's or the machine's. */
  readonly policyFile?: string | undefined;
  /** Files with public keys. */
  readonly keyFiles?: readonly string[] | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** Reads the policy and the keys. Throws `bad-policy`, `bad-key` (exit 2). */
export async function readTrust(options: TrustOptions = {}): Promise<Trust> {
  const keys = await Promise.all((options.keyFiles ?? []).map(readKeyFile));
  return { policy: await readPolicy(options.policyFile, options.environment), keys };
}

/** Reads one public key's file. Throws `bad-key` (exit 2). */
export async function readKeyFile(path: string): Promise<VerifyKey> {
  const bytes = await readFile(path).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw badInput('bad-key', `the key ${path} cannot be read (${code})`);
  });
  return { name: path, key: readPublicKey(bytes, path) };
}
