// Container images that stand in for real ones: their names, nothing of what is in them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { run } from './programs.ts';

const root = dirname(dirname(import.meta.dirname));
export const sealos = join(root, 'sealos');

/** Runs the command line with a store and a configuration of its own below `directory`. */
export function sealosIn(directory: string): (...args: readonly string[]) => Promise<string> {
  return (...args) => run(sealos, args, { SEALOS_STORAGE: join(directory, 'storage') });
}

/** Pushes an image of one small file for each of the names, under its path without the registry's host, to the registry at `address`. */
export async function pushStandIns(directory: string, address: string, names: readonly string[]): Promise<void> {
  const context = join(directory, 'stand-in');
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'Kubefile'), 'FROM scratch\nCOPY stand-in /stand-in\n');
  const call = sealosIn(join(directory, 'stand-ins'));
  for (const name of names) {
    writeFileSync(join(context, 'stand-in'), `in place of ${name}\n`);
    await call('build', '-q', '-t', name, context);
    await call('push', '--tls-verify=false', name, `${address}/${name.slice(name.indexOf('/') + 1)}`);
  }
}

/** Writes a registries.conf in which `address` mirrors the hosts, and returns its path. */
export function mirrorConfiguration(directory: string, address: string, hosts: readonly string[]): string {
  const path = join(directory, 'registries.conf');
  const tables = hosts.map(
    (host) => `[[registry]]\nprefix = "${host}"\nlocation = "${host}"\n[[registry.mirror]]\nlocation = "${address}"\ninsecure = true\n`,
  );
  writeFileSync(path, tables.join('\n'));
  return path;
}
