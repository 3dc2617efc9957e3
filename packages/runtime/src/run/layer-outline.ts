import { posix } from 'node:path';
import { badInput, type LayerEntry, shownName } from '@sealos/image';

/**
 * What a host's own `tar`, as root, could be led astray by in a layer. It refuses `..` and takes absolute names as relative ones, but goes
 * through links that an earlier layer, or image, put into the directory.
 */
export interface LayerOutline {
  /** Directories that it puts something into, or deletes something in, each once; relative to where it is unpacked. */
  readonly directories: readonly string[];
  /** Its symbolic links and their targets. */
  readonly links: ReadonlyMap<string, string>;
  /** Device nodes and pipes: no cluster image has a use for them. */
  readonly nodes: readonly string[];
  /** Programs that would run as their owner for everybody on the host. */
  readonly setIds: readonly string[];
}

/** How many names a layer may delete, or have as devices, that tar can be told of only as patterns: it holds every entry against each of them. */
const ODD_NAMES = 100;

/** Sums a layer up. Throws `bad-image` (exit 2) for names that hosts would read differently, and for links among the container images. */
export function layerOutline(image: string, entries: readonly LayerEntry[], deleted: readonly string[]): LayerOutline {
  const ofType = (...types: readonly LayerEntry['type'][]) => entries.filter(({ type }) => types.includes(type)).map(({ path }) => path);
  const directories = new Set<string>();
  const links = new Map<string, string>();
  for (const { path, type, linkname = '' } of entries) {
    const refuse = (why: string) => badImage(image, `'${shownName(path)}' ${why}`);
    if (path.includes('\ufffd') || linkname.includes('\ufffd')) throw refuse('is not named, or linked, in UTF-8');
    directories.add(type === 'directory' ? path : posix.dirname(path));
    if (type === 'hardlink') directories.add(posix.dirname(linkname));
    if (type === 'hardlink' && isRegistry(path) && !isRegistry(linkname)) throw refuse('would serve another file as a container image');
    if (type !== 'symlink') continue;
    // A registry serves what such a link leads to, whatever it is on the host.
    if (isRegistry(path)) throw refuse('is a link among the container images');
    if ((links.get(path) ?? linkname) !== linkname) throw refuse('is there twice, as links to different places');
    links.set(path, linkname);
  }
  const odd = [...deleted, ...ofType('character', 'block', 'fifo')].filter((path) => /\s$|\n/.test(path)).length;
  if (odd > ODD_NAMES) throw badImage(image, `it deletes, or has as devices, ${odd} names that end in space or hold line breaks`);
  for (const path of deleted) directories.add(posix.dirname(path));
  const isSetId = ({ type, mode }: LayerEntry) => (type === 'file' || type === 'hardlink') && (mode & 0o6000) !== 0;
  return {
    directories: [...directories],
    links,
    nodes: ofType('character', 'block', 'fifo'),
    setIds: entries.filter(isSetId).map(({ path }) => path),
  };
}

/**
 * Throws `bad-image` (exit 2) when unpacking a layer into a directory that holds these links could reach anything outside of it. Returns
 * the links that are there afterwards.
 */
export function withinDirectory(image: string, outline: LayerOutline, before: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const links = new Map([...before, ...outline.links]);
  for (const directory of outline.directories) {
    for (const known of [before, links]) {
      const through = wayOut(directory, known);
      if (through === undefined) continue;
      const target = shownName(known.get(through) ?? '');
      throw badImage(
        image,
        `'${shownName(directory)}' lies behind '${shownName(through)}', a link to '${target}', which leads out of its directory`,
      );
    }
  }
  return links;
}

/** The link on the way to a directory that leaves the root, or goes in a circle; undefined when the way stays inside. */
function wayOut(directory: string, links: ReadonlyMap<string, string>): string | undefined {
  const todo = directory.split('/');
  const at: string[] = [];
  let last = '';
  let steps = 0;
  for (let part = todo.shift(); part !== undefined; part = todo.shift()) {
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (at.pop() === undefined) return last;
      continue;
    }
    at.push(part);
    const target = links.get(at.join('/'));
    if (target === undefined) continue;
    last = at.join('/');
    if (target.startsWith('/') || ++steps > 40) return last;
    at.pop();
    todo.unshift(...target.split('/'));
  }
  return undefined;
}

function isRegistry(path: string): boolean {
  return path === 'registry' || path.startsWith('registry/');
}

function badImage(image: string, why: string): Error {
  return badInput('bad-image', `${image} cannot be unpacked on hosts: ${why}`, 'build it without that');
}
