import type { RegistryConfig } from './registry-config.ts';

/** 24 random letters and digits. */
export function generatePassword(): string {
  throw new Error('not reached');
}

/** The content of an htpasswd file; `existing` is kept where it still fits. Empty credentials give undefined: no login. */
export function htpasswd(
  _config: Pick<RegistryConfig, 'username' | 'password'>,
  _existing?: string | undefined,
): Promise<string | undefined> {
  throw new Error('not reached');
}

/** The content of a docker `config.json` that logs in to the registry. */
export function dockerConfig(_config: Pick<RegistryConfig, 'domain' | 'port' | 'username' | 'password'>): string {
  throw new Error('not reached');
}
