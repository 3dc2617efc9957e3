import { resolve } from 'node:path';
import { parseArchiveName } from '../discovery/archive-list.ts';
import type { DiscoveredImage } from '../discovery/discover.ts';
import { badInput } from '../error.ts';
import { parseReference, type Reference } from '../reference.ts';

/** Images, and archive files with what the image in each is called. */
export interface NamedImages {
  readonly images: readonly DiscoveredImage[];
  readonly archives: readonly { readonly path: string; readonly name: Reference }[];
}

/**
 * Reads images as they are named on a command line: `NAME` from its registry, `containers-storage:NAME` from this machine's store, and
 * archives as `docker-archive:FILE@NAME` or `oci-archive:FILE@NAME`. Throws `bad-reference` (exit 2), also for `docker-daemon:`.
 */
export function namedImages(names: readonly string[], archives: readonly string[]): NamedImages {
  return { images: names.map(readName), archives: archives.map(readArchive) };
}

function readName(text: string): DiscoveredImage {
  const [, transport = '', name = text] = /^(containers-storage:|docker-daemon:)(.+)$/.exec(text) ?? [];
  if (transport === 'docker-daemon:') {
    const hint = `docker save -o image.tar ${name}, then --tars docker-archive:image.tar@${name}`;
    throw badInput('bad-reference', `'${text}' is in Docker's own store, which cannot be read here`, hint);
  }
  return { reference: parseReference(name), from: transport === '' ? 'registry' : 'store', isGuess: false, where: [] };
}

function readArchive(text: string): { readonly path: string; readonly name: Reference } {
  const archive = parseArchiveName(text);
  if (archive !== undefined) return { path: resolve(archive.path), name: archive.reference };
  throw badInput('bad-reference', `'${text}' is no archive`, 'write docker-archive:FILE@NAME or oci-archive:FILE@NAME');
}
