import { readdir, readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { badInput } from '../error.ts';

/** The directories with certificates for a `HOST[:PORT]`, the first ones first (containers-certs.d(5); docker reads the last). */
export function certificateDirectories(host: string, environment: NodeJS.ProcessEnv = process.env): readonly string[] {
  const config = environment['XDG_CONFIG_HOME'] || join(environment['HOME'] || homedir(), '.config');
  const roots = [join(config, 'containers', 'certs.d'), '/etc/containers/certs.d', '/etc/docker/certs.d'];
  // Docker Hub's server has another name than its images.
  const names = host === 'registry-1.docker.io' ? ['docker.io', host] : [host];
  return roots.flatMap((root) => names.map((name) => join(root, name)));
}

/**
 * What a connection to a host trusts and shows: the system's and Node's authorities and `*.crt` of the first directory that exists,
 * with `NAME.cert` and `NAME.key` as the client's certificate. Throws `bad-certificate` (exit 2) for files that cannot be used.
 */
export async function readTls(directories: readonly string[]): Promise<SecureContext> {
  const found = await firstDirectory(directories);
  const authorities: string[] = [];
  let client: { readonly cert: string; readonly key: string } | undefined;
  for (const name of found?.names ?? []) {
    const path = join(found?.path ?? '', name);
    if (name.endsWith('.crt')) authorities.push(await readPem(path));
    if (name.endsWith('.cert')) client = { cert: await readPem(path), key: await readPem(`${path.slice(0, -'.cert'.length)}.key`) };
  }
  try {
    return createSecureContext({ ca: [...trusted(), ...authorities], ...client });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw badInput('bad-certificate', `the certificates in ${found?.path} cannot be used: ${why}`);
  }
}

let known: readonly string[] | undefined;

// What the administrator made the system trust counts as well as what Node brings along.
function trusted(): readonly string[] {
  known ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  return known;
}

async function firstDirectory(paths: readonly string[]): Promise<{ readonly path: string; readonly names: readonly string[] } | undefined> {
  for (const path of paths) {
    const names = await readdir(path).catch(() => undefined);
    if (names !== undefined) return { path, names: names.sort() };
  }
  return undefined;
}

async function readPem(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw badInput('bad-certificate', `cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  });
  if (!text.includes('-----BEGIN ')) throw badInput('bad-certificate', `${path} is not a certificate or key in PEM form`);
  return text;
}
