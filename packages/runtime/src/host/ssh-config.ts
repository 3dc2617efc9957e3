import { glob, readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { SealosError } from '@sealos/image';
import { parse } from 'ssh-config';

/** What an SSH client configuration says of one host; only what is used here. */
export interface ConfiguredHost {
  readonly hostName?: string | undefined;
  readonly user?: string | undefined;
  readonly port?: number | undefined;
  readonly identityFiles: readonly string[];
  /** As it is written: `parseJumps` reads it. */
  readonly proxyJump?: string | undefined;
  readonly knownHosts?: readonly string[] | undefined;
}

export interface SshConfig {
  /** Looks a host up by the name or address that the user gave. */
  of(host: string): ConfiguredHost;
}

/** OpenSSH's own limit (readconf.c). */
const MAX_INCLUDES = 16;

export const noSshConfig: SshConfig = { of: () => ({ identityFiles: [] }) };

/**
 * Reads a configuration of OpenSSH's client (ssh_config(5)) with the files that it includes: Host, Match (save `exec`, which is never
 * true here), HostName, User, Port, IdentityFile, ProxyJump and UserKnownHostsFile; `none` is an empty one, and so is `~/.ssh/config`
 * where it is not there. Throws SealosError (exit 2) for a file that was named and cannot be read.
 */
export async function readSshConfig(file?: string): Promise<SshConfig> {
  if (file === 'none') return noSshConfig;
  const path = file === undefined ? join(homedir(), '.ssh', 'config') : fromHome(file);
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (file === undefined && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return '';
    throw new SealosError('ssh-config', `the SSH configuration ${path} cannot be read (${error.code ?? error.message})`, {
      exitCode: 2,
      cause: error,
      hint: 'name another with --ssh-config, or none',
    });
  });
  return text === '' ? noSshConfig : parseSshConfig(await withIncludes(text, 0), path);
}

/** Throws SealosError (exit 2) for a text that is no SSH configuration. */
export function parseSshConfig(text: string, path: string): SshConfig {
  try {
    const config = parse(text);
    return { of: (host) => toConfiguredHost(config.compute(host, { ignoreCase: true, matchExec: false }), host) };
  } catch (error) {
    throw new SealosError('ssh-config', `${path} is no SSH configuration: ${error instanceof Error ? error.message : String(error)}`, {
      exitCode: 2,
      cause: error,
      hint: 'see ssh_config(5), or leave it out with --ssh-config none',
    });
  }
}

function toConfiguredHost(values: Readonly<Record<string, string | string[]>>, host: string): ConfiguredHost {
  const list = (key: string) => [values[key] ?? []].flat();
  const one = (key: string) => list(key)[0];
  const port = Number(one('port'));
  const hostName = one('hostname')?.replaceAll('%h', host).replaceAll('%%', '%');
  // ssh_config(5), TOKENS: those that are known before a connection is made.
  const tokens: Readonly<Record<string, string>> = {
    '%%': '%',
    '%d': homedir(),
    '%h': hostName ?? host,
    '%n': host,
    '%p': one('port') ?? '22',
    '%r': one('user') ?? 'root',
    '%u': userInfo().username,
  };
  const path = (text: string) => fromHome(text.replaceAll(/%[%dhnpru]/g, (token) => tokens[token] ?? token));
  const files = list('userknownhostsfile')
    .flatMap((text) => text.split(/\s+/))
    .filter((text) => text !== '');
  return {
    hostName,
    user: one('user'),
    port: Number.isInteger(port) && port > 0 && port < 65536 ? port : undefined,
    identityFiles: list('identityfile')
      .filter((text) => text.toLowerCase() !== 'none')
      .map(path),
    proxyJump: one('proxyjump'),
    knownHosts: files.length > 0 ? files.filter((text) => text.toLowerCase() !== 'none').map(path) : undefined,
  };
}

function fromHome(path: string): string {
  return path.replace(/^~(?=\/|$)/, homedir());
}

/**
 * Puts included files where they are named. What follows an Include stands under the same Host or Match as before it, whatever the
 * included file ended with.
 */
async function withIncludes(text: string, depth: number): Promise<string> {
  if (depth > MAX_INCLUDES) return '';
  const lines: string[] = [];
  let section = 'Host *';
  for (const line of text.split('\n')) {
    if (/^\s*(Host|Match)[\s=]/i.test(line)) section = line;
    const patterns = /^\s*Include[\s=]+(.*)$/i.exec(line)?.[1];
    if (patterns === undefined) {
      lines.push(line);
      continue;
    }
    for (const file of await includedFiles(patterns)) {
      const content = await readFile(file, 'utf8').catch(() => '');
      lines.push(await withIncludes(content, depth + 1), section);
    }
  }
  return lines.join('\n');
}

/** Files that an Include names, in the order of their names; relative ones lie in ~/.ssh. */
async function includedFiles(patterns: string): Promise<readonly string[]> {
  const files: string[] = [];
  for (const [, quoted, plain] of patterns.matchAll(/"([^"]*)"|(\S+)/g)) {
    const path = fromHome(quoted ?? plain ?? '');
    const whole = isAbsolute(path) ? path : join(homedir(), '.ssh', path);
    if (!/[*?[]/.test(whole)) files.push(whole);
    else files.push(...(await Array.fromAsync(glob(whole, { cwd: dirname(whole) }))).sort());
  }
  return files;
}
