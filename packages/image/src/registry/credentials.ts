import { homedir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_REGISTRY } from '../reference.ts';
import { type AuthEntry, type AuthFile, readAuthFile } from './auth-file.ts';
import { askHelper } from './credential-helper.ts';

/** What a person or a token logs in with. Never printed. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  /** A refresh token for the registry's token server (`identitytoken`). */
  | { readonly kind: 'identity'; readonly token: string }
  /** A token the registry itself takes (`registrytoken`). */
  | { readonly kind: 'bearer'; readonly token: string };

export interface FoundCredentials {
  readonly credentials?: Credentials | undefined;
  /** Why some could not be read, for the hint when a login turns out to be needed. */
  readonly problem?: string | undefined;
}

/** Looks up who to log in as at a registry (`HOST[:PORT]`, as in an image's name), for a repository of it. */
export type CredentialLookup = (registry: string, repository: string | undefined) => Promise<FoundCredentials>;

export interface AuthFileOptions {
  /** This file alone (`--authfile`). */
  readonly authFile?: string | undefined;
  readonly environment?: NodeJS.ProcessEnv | undefined;
}

/** Where docker keeps its logins: `$DOCKER_CONFIG/config.json` or `~/.docker/config.json`. */
export function dockerConfigPath(environment: NodeJS.ProcessEnv = process.env): string {
  return join(environment['DOCKER_CONFIG'] || join(environment['HOME'] || homedir(), '.docker'), 'config.json');
}

/** The files that hold logins, in the order in which they are asked: docker's and those of containers-auth.json(5). */
export function authFilePaths(options: AuthFileOptions = {}): readonly string[] {
  const environment = options.environment ?? process.env;
  if (options.authFile !== undefined) return [options.authFile];
  const named = environment['REGISTRY_AUTH_FILE'];
  if (named) return [named];
  const home = environment['HOME'] || homedir();
  const runtime = environment['XDG_RUNTIME_DIR'];
  return [
    dockerConfigPath(environment),
    ...(runtime ? [join(runtime, 'containers', 'auth.json')] : []),
    join(environment['XDG_CONFIG_HOME'] || join(home, '.config'), 'containers', 'auth.json'),
  ];
}

/** Credentials out of the auth files and the credential helpers that they name. Throws `bad-auth-file` (exit 2). */
export function storedCredentials(options: AuthFileOptions = {}): CredentialLookup {
  const environment = options.environment ?? process.env;
  return async (registry, repository) => {
    let problem: string | undefined;
    for (const path of authFilePaths(options)) {
      const file = await readAuthFile(path, { required: options.authFile !== undefined });
      const found = await findInFile(file, registry, repository, environment);
      if (found.credentials !== undefined) return found;
      problem ??= found.problem;
    }
    return { problem };
  };
}

/** The same credentials for every registry (`--creds USER:PASSWORD`). */
export function fixedCredentials(user: string, password: string): CredentialLookup {
  return async () => ({ credentials: { kind: 'password', user, password } });
}

/** Names under which files and helpers may keep a registry's login. Docker writes Docker Hub's as a URL. */
export function keysOf(registry: string): readonly string[] {
  return registry === DEFAULT_REGISTRY
    ? ['https://index.docker.io/v1/', DEFAULT_REGISTRY, 'index.docker.io', 'registry-1.docker.io']
    : [registry];
}

async function findInFile(
  file: AuthFile,
  registry: string,
  repository: string | undefined,
  environment: NodeJS.ProcessEnv,
): Promise<FoundCredentials> {
  const keys = keysOf(registry);
  const helper = keys.map((key) => file.credHelpers?.[key]).find((name) => name !== undefined) ?? file.credsStore;
  let problem: string | undefined;
  if (helper) {
    for (const key of keys) {
      const answer = await askHelper(helper, key, environment);
      if (answer.credentials !== undefined) return answer;
      problem ??= answer.problem;
    }
  }
  const credentials = fromEntry(findEntry(file, registry, repository));
  return credentials === undefined ? { problem } : { credentials };
}

// containers-auth.json(5): the longest of HOST/NAMESPACE/REPOSITORY, HOST/NAMESPACE, HOST; docker: HOST, or a URL of it.
function findEntry(file: AuthFile, registry: string, repository: string | undefined): AuthEntry | undefined {
  const auths = new Map(Object.entries(file.auths ?? {}));
  const parts = repository?.split('/') ?? [];
  for (let length = parts.length; length >= 0; length--) {
    for (const key of keysOf(registry)) {
      const entry = auths.get([key, ...parts.slice(0, length)].join('/'));
      if (entry !== undefined) return entry;
    }
  }
  const hosts = new Set(keysOf(registry).map(hostOf));
  for (const [key, entry] of auths) if (/^https?:\/\/|\/v[12]\/?$|^[^/]+\/$/.test(key) && hosts.has(hostOf(key))) return entry;
  return undefined;
}

/** The host of a key such as `https://example.org:5000/v1/`. */
export function hostOf(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

function fromEntry(entry: AuthEntry | undefined): Credentials | undefined {
  if (entry === undefined) return undefined;
  if (entry.identitytoken) return { kind: 'identity', token: entry.identitytoken };
  if (entry.registrytoken) return { kind: 'bearer', token: entry.registrytoken };
  if (entry.auth) {
    const text = Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = text.indexOf(':');
    if (colon > 0) return { kind: 'password', user: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  if (entry.username && typeof entry.password === 'string') return { kind: 'password', user: entry.username, password: entry.password };
  return undefined;
}
