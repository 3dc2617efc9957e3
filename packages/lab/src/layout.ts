import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { badInput } from './error.ts';

/** Where the files of a lab are. */
export interface LabPaths {
  /** Holds the base systems and every lab: `~/.cache/sealos/lab`. */
  readonly directory: string;
  readonly lab: string;
  readonly state: string;
  readonly key: string;
  readonly knownHosts: string;
  readonly password: string;
  /** Each host's own key, kept here so that a host that was reset is still known. */
  readonly hostKeys: string;
  readonly hosts: string;
}

/** The default place: `${XDG_CACHE_HOME:-~/.cache}/sealos/lab`. */
export function defaultDirectory(env: NodeJS.ProcessEnv): string {
  return join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'sealos', 'lab');
}

/** Throws `bad-lab-name` unless the name is 1 to 40 lower-case letters, digits and inner dashes. */
export function labPaths(directory: string, name: string): LabPaths {
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) {
    throw badInput('bad-lab-name', `'${name}' is not a name for a lab`, 'use up to 40 lower-case letters, digits and dashes');
  }
  const lab = join(resolve(directory), 'labs', name);
  return {
    directory: resolve(directory),
    lab,
    state: join(lab, 'state.json'),
    key: join(lab, 'id'),
    knownHosts: join(lab, 'known_hosts'),
    password: join(lab, 'password'),
    hostKeys: join(lab, 'host-keys'),
    hosts: join(lab, 'hosts'),
  };
}

/** Six hexadecimal digits that stand for the lab where names are short (links, cgroups); the same for the same place and name, always. */
export function labIdOf(paths: LabPaths): string {
  return createHash('sha256').update(paths.lab).digest('hex').slice(0, 6);
}

/** A host's directory: its root file system and what its console printed. */
export function hostPaths(paths: LabPaths, host: string) {
  const directory = join(paths.hosts, host);
  return { directory, root: join(directory, 'root'), console: join(directory, 'console.log'), draft: join(paths.hosts, `.new-${host}`) };
}
