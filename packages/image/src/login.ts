import { badInput, SealosError } from './error.ts';
import { DEFAULT_REGISTRY, parseReference } from './reference.ts';
import { changeAuthFile, readAuthFile } from './registry/auth-file.ts';
import { eraseWithHelper, storeWithHelper } from './registry/credential-helper.ts';
import { type AuthFileOptions, dockerConfigPath, fixedCredentials, hostOf, keysOf } from './registry/credentials.ts';
import { openRegistry, type RegistryOptions } from './registry/registry.ts';

export interface LoginOptions extends Omit<RegistryOptions, 'credentials'> {
  readonly signal?: AbortSignal | undefined;
}

/** The registry's `HOST[:PORT]` of what a user writes: also a URL, also an alias of Docker Hub. Throws `bad-registry` (exit 2). */
export function parseRegistry(text: string): string {
  const host = hostOf(text.trim());
  const name = ['index.docker.io', 'registry-1.docker.io'].includes(host) ? DEFAULT_REGISTRY : host;
  // A name without dot and port is a registry here, though not in an image's name.
  const probe = /[.:]/.test(name) || name === 'localhost' ? name : `${name}:5000`;
  try {
    if (parseReference(`${probe}/any`).registry === probe) return name;
  } catch (error) {
    if (!(error instanceof SealosError)) throw error;
  }
  throw badInput('bad-registry', `'${text}' is not a registry`, 'write HOST or HOST:PORT, for example registry.example.org:5000');
}

/**
 * Logs in: the registry is asked first, then the login is kept where docker keeps it (its credential helper, else its
 * `config.json`), or in `authFile`. Returns where. Throws `registry-wrong-login`, `registry-unreachable`… (exit 2).
 */
export async function login(registry: string, user: string, password: string, options: LoginOptions = {}): Promise<string> {
  const host = parseRegistry(registry);
  if (user === '' || password === '') throw badInput('bad-login', 'a login needs a user name and a password');
  if (user.includes(':')) throw badInput('bad-login', 'a user name cannot hold a colon');
  await using client = openRegistry({ ...options, credentials: fixedCredentials(user, password) });
  await client.checkLogin(host, { signal: options.signal });

  const environment = options.environment ?? process.env;
  const path = authFileToWrite(options);
  const file = await readAuthFile(path);
  const key = keyToWrite(host, path, environment);
  const helper = file.credHelpers?.[key] ?? file.credsStore;
  if (helper) {
    await storeWithHelper(helper, key, { user, password }, environment);
    // Docker's own mark that a helper has it.
    await changeAuthFile(path, (current) => ({ ...current, auths: { ...current.auths, [key]: {} } }));
    return `docker-credential-${helper}`;
  }
  const auth = Buffer.from(`${user}:${password}`).toString('base64');
  await changeAuthFile(path, (current) => ({ ...current, auths: { ...current.auths, [key]: { auth } } }));
  return path;
}

/** Forgets the login at a registry, or with `undefined` all of them. False when there was none. */
export async function logout(registry: string | undefined, options: AuthFileOptions = {}): Promise<boolean> {
  const host = registry === undefined ? undefined : parseRegistry(registry);
  const environment = options.environment ?? process.env;
  const path = authFileToWrite(options);
  const file = await readAuthFile(path);
  const isMeant = (key: string) => host === undefined || keysOf(host).includes(key) || hostOf(key) === host;
  const keys = new Set([...Object.keys(file.auths ?? {}), ...Object.keys(file.credHelpers ?? {})].filter(isMeant));
  for (const key of keys) {
    const helper = file.credHelpers?.[key] ?? file.credsStore;
    if (helper) await eraseWithHelper(helper, key, environment);
  }
  const known = Object.keys(file.auths ?? {}).filter(isMeant);
  if (known.length > 0) {
    await changeAuthFile(path, (current) => ({
      ...current,
      auths: Object.fromEntries(Object.entries(current.auths ?? {}).filter(([key]) => !isMeant(key))),
    }));
  }
  return keys.size > 0;
}

function authFileToWrite(options: AuthFileOptions): string {
  const environment = options.environment ?? process.env;
  return options.authFile ?? (environment['REGISTRY_AUTH_FILE'] || dockerConfigPath(environment));
}

// In docker's own file Docker Hub has docker's own key.
function keyToWrite(host: string, path: string, environment: NodeJS.ProcessEnv): string {
  return (path === dockerConfigPath(environment) ? keysOf(host)[0] : undefined) ?? host;
}
