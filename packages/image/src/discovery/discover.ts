import { readdir, readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { formatReference, parseReference, type Reference } from '../reference.ts';
import { type ListedArchive, listArchives } from './archive-list.ts';

export interface Place {
  /** Relative to the context. */
  readonly file: string;
  readonly line: number;
}

export interface DiscoveredImage {
  readonly reference: Reference;
  /** Fetched from its registry, or (`containers-storage:` before its name) taken from this machine's store. */
  readonly from: 'registry' | 'store';
  readonly where: readonly Place[];
}

export interface Discovery {
  /** Sorted by name. */
  readonly images: readonly DiscoveredImage[];
  readonly archives: readonly ListedArchive[];
  /** What looked like an image and is none, and what was not looked into. */
  readonly warnings: readonly string[];
}

interface Mention extends Place {
  readonly text: string;
  /** It only looks like an image, in a text inside a manifest: nothing is said when it is none. */
  readonly guessed?: boolean;
}

/**
 * Finds the container images that a cluster image needs, in the context's fixed places (sealos-interop.md §3.3): lists in `images/shim`,
 * `image:` values in `manifests`. What `.sealignore` names is left out.
 */
export async function discoverImages(context: string): Promise<Discovery> {
  const warnings: string[] = [];
  const mentions = [...(await listed(context)), ...(await inManifests(context))];
  const found = new Map<string, DiscoveredImage & { readonly where: Place[] }>();
  for (const { text, file, line, guessed } of mentions) {
    const local = /^containers-storage:(?=.)/.exec(text)?.[0] ?? '';
    const reference = readReference(text.slice(local.length));
    if (!reference) {
      if (!text.includes('{{') && !guessed) warnings.push(`${file}:${line}: '${text}' is not an image name, it is not saved`);
      continue;
    }
    const name = formatReference(reference);
    const entry = found.get(name) ?? { reference, from: local === '' ? ('registry' as const) : ('store' as const), where: [] };
    entry.where.push({ file, line });
    found.set(name, entry);
  }
  const leftOut = await ignored(context);
  for (const [name, { reference }] of found) if (leftOut.has(name) || leftOut.has(withoutDigest(reference))) found.delete(name);
  for (const chart of await charts(context))
    warnings.push(`charts/${chart}: charts are not looked through for images yet; list them in images/shim`);
  const { archives, warnings: unread } = await listArchives(context);
  warnings.push(...unread);
  return { images: [...found.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, image]) => image), archives, warnings };
}

/** With the digest, if there is one: hosts ask the cluster's registry for it. */
function readReference(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

function withoutDigest({ registry, repository, tag }: Reference): string {
  return formatReference(tag === undefined ? { registry, repository } : { registry, repository, tag });
}

const unquote = (text: string) => text.trim().replace(/^(["'])(.*)\1$/, '$2');

async function filesBelow(context: string, directory: string): Promise<readonly string[]> {
  const entries = await readdir(join(context, directory), { withFileTypes: true }).catch(() => []);
  const files: string[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = posix.join(directory, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(context, path)));
    else if (entry.isFile()) files.push(path);
  }
  return files;
}

async function listed(context: string): Promise<readonly Mention[]> {
  const mentions: Mention[] = [];
  for (const file of await filesBelow(context, 'images/shim')) {
    const lines = (await readFile(join(context, file), 'utf8')).split('\n');
    for (const [index, line] of lines.entries()) {
      const text = unquote(line);
      if (text !== '' && !text.startsWith('#')) mentions.push({ text, file, line: index + 1 });
    }
  }
  return mentions;
}

async function inManifests(context: string): Promise<readonly Mention[]> {
  const mentions: Mention[] = [];
  for (const file of await filesBelow(context, 'manifests')) {
    if (!/\.(ya?ml|tmpl)$/.test(file)) continue;
    const text = await readFile(join(context, file), 'utf8');
    if (!text.includes('image')) continue;
    mentions.push(...((await inYaml(text, file)) ?? inLines(text, file)));
  }
  return mentions;
}

/** Every value of a key `image`, wherever it stands; undefined for text that is not YAML (templates often are not). */
async function inYaml(text: string, file: string): Promise<readonly Mention[] | undefined> {
  const { isMap, isPair, isScalar, LineCounter, parseAllDocuments, visit } = await import('yaml');
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, logLevel: 'silent' });
  if ('empty' in documents) return [];
  const mentions: Mention[] = [];
  for (const document of documents) {
    if (document.errors.length > 0) return undefined;
    visit(document, {
      Pair(_key, pair, path) {
        if (!isScalar(pair.key) || pair.key.value !== 'image' || !isScalar(pair.value) || typeof pair.value.value !== 'string') return;
        // `image` as a property in an API's schema is the description of a field, not a field.
        const parent = path.at(-2);
        if (isPair(parent) && isScalar(parent.key) && parent.key.value === 'properties' && isMap(pair.value)) return;
        const value = pair.value.value.trim();
        if (value !== '') mentions.push({ text: value, file, line: lines.linePos(pair.value.range?.[0] ?? 0).line });
      },
      // A manifest inside a manifest, as ConfigMaps of operators have it.
      Scalar(_key, scalar) {
        if (typeof scalar.value !== 'string' || !scalar.value.includes('\n')) return;
        const first = lines.linePos(scalar.range?.[0] ?? 0).line + 1;
        for (const { text: found, line } of inLines(scalar.value, file)) {
          mentions.push({ text: found, file, line: first + line - 1, guessed: true });
        }
      },
    });
  }
  return mentions;
}

function inLines(text: string, file: string): readonly Mention[] {
  return text.split('\n').flatMap((line, index): Mention[] => {
    const match = /^\s*(?:-\s+)?["']?image["']?\s*:\s*(.+?)\s*(?:\s#.*)?$/.exec(line);
    const value = match?.[1] === undefined ? '' : unquote(match[1]);
    return value === '' || line.trimStart().startsWith('#') ? [] : [{ text: value, file, line: index + 1 }];
  });
}

async function ignored(context: string): Promise<ReadonlySet<string>> {
  const text = await readFile(join(context, '.sealignore'), 'utf8').catch(() => '');
  const names = text.split('\n').flatMap((line) => {
    const reference = line.trim() === '' || line.startsWith('#') ? undefined : readReference(unquote(line));
    return reference ? [formatReference(reference)] : [];
  });
  return new Set(names);
}

async function charts(context: string): Promise<readonly string[]> {
  const entries = await readdir(join(context, 'charts'), { withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isDirectory() || entry.name.endsWith('.tgz')).map((entry) => entry.name);
}
