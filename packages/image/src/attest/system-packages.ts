import type { ContentOptions } from '../content.ts';
import { readFiles } from '../files.ts';
import type { Image } from '../image.ts';
import type { Store } from '../store.ts';

/** A package that a distribution's package manager has installed in an image. */
export interface SystemPackage {
  readonly kind: 'deb' | 'apk';
  readonly name: string;
  readonly version: string;
  readonly architecture: string | undefined;
  /** `ID` and `VERSION_ID` of os-release. */
  readonly distribution: string | undefined;
  readonly release: string | undefined;
}

const DPKG = /^var\/lib\/dpkg\/(status|status\.d\/[^/]+)$/;
const APK = /^(usr\/)?lib\/apk\/db\/installed$/;
const OS_RELEASE = ['etc/os-release', 'usr/lib/os-release'];
const LIMIT = 64 * 1024 * 1024;

/** What dpkg's and apk's databases in an image list, sorted by name. */
export async function systemPackages(store: Store, image: Image, options: ContentOptions = {}): Promise<readonly SystemPackage[]> {
  const isOfInterest = (path: string) => DPKG.test(path) || APK.test(path) || OS_RELEASE.includes(path);
  const files = await readFiles(store, image, ({ path }) => isOfInterest(path), { ...options, limit: LIMIT });
  const release = osRelease(OS_RELEASE.map((path) => files.get(path)).find((content) => content !== undefined));
  const system = { distribution: release.get('ID'), release: release.get('VERSION_ID') };
  const found: SystemPackage[] = [];
  for (const [path, content] of files) {
    if (DPKG.test(path) && !path.endsWith('.md5sums')) found.push(...debs(content.toString()).map((one) => ({ ...one, ...system })));
    if (APK.test(path)) found.push(...apks(content.toString()).map((one) => ({ ...one, ...system })));
  }
  const key = ({ name, architecture = '', version }: SystemPackage) => `${name} ${architecture} ${version}`;
  return [...new Map(found.map((one) => [key(one), one])).entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}

type Found = Omit<SystemPackage, 'distribution' | 'release'>;

// deb822: paragraphs of `Field: value`; lines that begin with a space go on.
function debs(text: string): readonly Found[] {
  return text.split(/\n\s*\n/).flatMap((paragraph): readonly Found[] => {
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(.+?)\\s*$`, 'm').exec(paragraph)?.[1];
    const [name, version, status] = [field('Package'), field('Version'), field('Status')];
    // Distroless images keep one file for each package, without a status.
    const isInstalled = status === undefined || / installed$/.test(status);
    if (name === undefined || version === undefined || !isInstalled) return [];
    return [{ kind: 'deb', name, version, architecture: field('Architecture') }];
  });
}

// apk's database: paragraphs of `P:name`, `V:version`, `A:architecture`.
function apks(text: string): readonly Found[] {
  return text.split(/\n\s*\n/).flatMap((paragraph): readonly Found[] => {
    const field = (letter: string) => new RegExp(`^${letter}:(.+?)\\s*$`, 'm').exec(paragraph)?.[1];
    const [name, version] = [field('P'), field('V')];
    return name === undefined || version === undefined ? [] : [{ kind: 'apk', name, version, architecture: field('A') }];
  });
}

function osRelease(content: Buffer | undefined): ReadonlyMap<string, string> {
  const lines = (content ?? Buffer.alloc(0)).toString().matchAll(/^([A-Z_]+)=(["']?)(.*?)\2\s*$/gm);
  return new Map([...lines].map(([, key = '', , value = '']) => [key, value]));
}
