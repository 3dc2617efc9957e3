import { posix } from 'node:path';
import type { Environment } from '../cluster/cluster.ts';
import type { Address, HostFile } from '../host/host.ts';
import { isSecretKey } from '../image-contract/environment.ts';
import type { HostLayout } from '../layout.ts';
import { isTemplatePath, renderTemplates } from '../render/render.ts';
import type { ConfigFilesInput } from '../steps/config-files.ts';
import type { LoadedImage } from './load-image.ts';

export interface ConfigOverlaysInput {
  readonly layout: HostLayout;
  /** In the order in which they lie on one another. */
  readonly images: readonly LoadedImage[];
  readonly hosts: readonly Address[];
  readonly master0: Address;
  /** An image's environment on master0: for the templates of applications that Configs change. */
  readonly environment: (image: LoadedImage) => Environment;
}

/**
 * What Configs change on hosts: the rootfs' and the patches' files on every one, an application's in its directory on master0, where
 * templates that were changed are rendered at once. (Those of the rootfs and of patches are rendered with each host's own files.)
 */
export function configOverlays(input: ConfigOverlaysInput): Omit<ConfigFilesInput, 'needs'> {
  const { layout, images, master0, hosts } = input;
  const isMaster0 = ({ ip }: Address) => ip === master0.ip;
  const everywhere = images.filter(({ contract }) => contract.kind !== 'application');
  const applications = images.filter(({ contract }) => contract.kind === 'application');
  const shared = sharedOverlays(everywhere, input);
  const own = applications.flatMap((image) => applicationOverlays(image, input));
  return {
    layout,
    hosts,
    files: (address) => (isMaster0(address) ? [...shared, ...own] : shared),
    digests: (address) => (isMaster0(address) ? images : everywhere).map(({ planned }) => planned.digest),
    async original(path, signal) {
      const place = [
        { directory: layout.rootfs, holders: everywhere },
        ...applications.map((image) => ({ directory: layout.workdir(image.planned.directory), holders: [image] })),
      ].find(({ directory }) => path.startsWith(`${directory}/`));
      if (place === undefined) return undefined;
      const inside = path.slice(place.directory.length + 1);
      const content = await place.holders.findLast((image) => image.has(inside))?.original(inside, signal);
      return content && { path, ...content };
    },
  };
}

/** Each image is changed by itself, then the patches lie on the rootfs: what one of them brings covers what was changed below. */
function sharedOverlays(images: readonly LoadedImage[], input: ConfigOverlaysInput): readonly HostFile[] {
  const files = new Map<string, HostFile>();
  for (const [index, image] of images.entries()) {
    const above = images.slice(index + 1);
    for (const file of overlays(image, input.layout.rootfs, input.environment(image))) {
      const inside = file.path.slice(input.layout.rootfs.length + 1);
      const isRendered = images.some(({ templates }) => templates.has(`${inside}.tmpl`));
      if (!isRendered && !above.some((other) => other.has(inside))) files.set(file.path, file);
    }
  }
  return [...files.values()];
}

function applicationOverlays(image: LoadedImage, { layout, environment }: ConfigOverlaysInput): readonly HostFile[] {
  const workdir = layout.workdir(image.planned.directory);
  const env = environment(image);
  const files = new Map(overlays(image, workdir, env).map((file) => [file.path, file]));
  const changed = new Map([...image.templates].filter(([path]) => image.overlays.has(path)));
  for (const file of renderTemplates(changed, env, workdir)) files.set(file.path, file);
  return [...files.values()];
}

/** A file that holds the value of a password is root's alone, as rendered ones are. */
function overlays(image: LoadedImage, into: string, env: Environment): readonly HostFile[] {
  const secrets = [...env].filter(([key, value]) => isSecretKey(key) && value !== '').map(([, value]) => value);
  return [...image.overlays].map(([path, { content, mode }]) => {
    const guarded = !isTemplatePath(path) && secrets.some((value) => Buffer.from(content).includes(value));
    return { path: posix.join(into, path), content, mode: guarded ? mode & 0o700 : mode };
  });
}
