import { badInput, type Image, type ImageFile, listFiles, readFiles, type Store } from '@sealos/image';
import { configsFor, configsOf, imageWithConfigs } from '../cluster/apply-config.ts';
import type { Config } from '../cluster/cluster.ts';
import { parseConfigFile } from '../cluster/clusterfile.ts';
import { type K3sOptions, parseK3sOptions } from '../k3s/options.ts';
import { type KubeadmDocument, parseKubeadmDocuments } from '../kubeadm/document.ts';
import { isTemplatePath } from '../render/render.ts';

/** A file's bytes and permission bits. */
export interface ImageContent {
  readonly content: Uint8Array;
  readonly mode: number;
}

/** What a plan needs of an image's small files, Configs laid over. Paths are relative to the image's root. */
export interface ImageFiles {
  readonly templates: ReadonlyMap<string, Uint8Array>;
  readonly kubeadm: readonly KubeadmDocument[];
  /** `etc/k3s.yml` of a k3s image. */
  readonly k3s: K3sOptions | undefined;
  /** Files that Configs changed or made, as they are to lie on hosts; `templates`, `kubeadm` and `k3s` heed them already. */
  readonly overlays: ReadonlyMap<string, ImageContent>;
  /** `etc/registry.yml` and the container runtime's settings where the image has them as they are, not as templates. */
  readonly settings: ReadonlyMap<string, Uint8Array>;
  /** A file as the image has it, without any Config; undefined where it has none. */
  readonly original: (path: string, signal: AbortSignal) => Promise<ImageContent | undefined>;
  /** Whether the image itself has something at a path. */
  readonly has: (path: string) => boolean;
  /** It ships `statics/audit-policy.yml` for the API server. */
  readonly hasAuditPolicy: boolean;
}

export interface ImageFilesOptions {
  /** As the user typed it: what `spec.match` of a Config is compared with. */
  readonly name: string;
  /** The cluster's; the image's own `config.yml` comes before them. */
  readonly configs: readonly Config[];
  readonly signal: AbortSignal;
}

const KUBEADM_FILE = 'etc/kubeadm.yml';
const K3S_FILE = 'etc/k3s.yml';
const CONFIG_FILE = 'config.yml';
const AUDIT_POLICY = 'statics/audit-policy.yml';
const SETTINGS: ReadonlySet<string> = new Set(['etc/registry.yml', 'etc/config.toml', 'etc/daemon.json']);
const MAX_SMALL_FILE = 4 * 1024 * 1024;

/** Reads an image's small files and applies the Configs that are for it. Throws bad input where one cannot be applied. */
export async function readImageFiles(store: Store, image: Image, { name, configs: given, signal }: ImageFilesOptions): Promise<ImageFiles> {
  const files = await listFiles(store, image, { signal });
  const read = (wanted: (file: ImageFile) => boolean, stop = signal) =>
    readFiles(store, image, wanted, { limit: MAX_SMALL_FILE, signal: stop });
  const named = new Set(configsFor(given, name).map(({ path }) => path));
  const isWanted = ({ path, size }: ImageFile) =>
    isTemplatePath(path) ||
    path === KUBEADM_FILE ||
    path === K3S_FILE ||
    SETTINGS.has(path) ||
    named.has(path) ||
    // A large file of this name is something else.
    (path === CONFIG_FILE && size <= MAX_SMALL_FILE);
  const small = new Map<string, Uint8Array>(await read(isWanted));
  const configs = configsOf(name, ownConfigs(small.get(CONFIG_FILE), `${name}:${CONFIG_FILE}`), given);
  for (const config of configs) refuseStrangePlace(config, name, files);
  const unread = new Set(configs.map(({ path }) => path).filter((path) => files.has(path) && !small.has(path)));
  if (unread.size > 0) for (const [path, content] of await read((file) => unread.has(file.path))) small.set(path, content);

  const changed = imageWithConfigs(small, configs);
  const now = new Map([...small, ...changed]);
  const kubeadm = now.get(KUBEADM_FILE);
  const k3s = now.get(K3S_FILE);
  const placed = (path: string, content: Uint8Array): ImageContent => ({ content, mode: modeOf(path, content, files.get(path)?.mode) });
  return {
    templates: new Map([...now].filter(([path]) => isTemplatePath(path))),
    kubeadm: kubeadm === undefined ? [] : parseKubeadmDocuments(Buffer.from(kubeadm).toString(), `${name}:${KUBEADM_FILE}`),
    k3s: k3s && parseK3sOptions(Buffer.from(k3s).toString(), `${name}:${K3S_FILE}`),
    overlays: new Map([...changed].map(([path, content]) => [path, placed(path, content)])),
    settings: new Map([...now].filter(([path]) => SETTINGS.has(path))),
    async original(path, stop) {
      const content = (await read((file) => file.path === path, stop)).get(path);
      return content && placed(path, content);
    },
    has: (path) => files.has(path),
    hasAuditPolicy: files.has(AUDIT_POLICY) || changed.has(AUDIT_POLICY),
  };
}

/** The image's own Configs. A `config.yml` that is something else is none of ours. */
function ownConfigs(content: Uint8Array | undefined, name: string): readonly Config[] {
  const text = Buffer.from(content ?? []).toString();
  return text.includes('apps.sealos.io/') ? parseConfigFile(text, { name }).configs : [];
}

/** A Config's file lies in directories of the image, not behind its links: those may lead anywhere on a host. */
function refuseStrangePlace({ name, path }: Config, image: string, files: ReadonlyMap<string, ImageFile>): void {
  const parts = path.split('/');
  for (let length = 1; length <= parts.length; length++) {
    const at = parts.slice(0, length).join('/');
    const type = files.get(at)?.type;
    const isLast = length === parts.length;
    if (type === undefined || (isLast ? type === 'file' || type === 'hardlink' : type === 'directory')) continue;
    const what = type === 'symlink' ? 'a symbolic link' : type === 'directory' ? 'a directory' : `a ${type}`;
    throw badInput('bad-config', `Config ${name || 'without a name'}: ${path} cannot be written, '${at}' is ${what} in ${image}`);
  }
}

/** Permission bits on a host: the image's own, and what is run must be runnable though the image lost the bits. */
function modeOf(path: string, content: Uint8Array, mode = 0o644): number {
  const isScript = path.startsWith('scripts/') || Buffer.from(content.subarray(0, 2)).toString() === '#!';
  return (mode & 0o777) | (isScript && !isTemplatePath(path) ? 0o755 : 0);
}
