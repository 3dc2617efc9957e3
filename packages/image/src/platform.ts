import { badInput } from './error.ts';
import type { Descriptor, Platform } from './manifest.ts';

const ARCHITECTURES: Readonly<Record<string, Platform>> = {
  x86_64: { os: 'linux', architecture: 'amd64' },
  'x86-64': { os: 'linux', architecture: 'amd64' },
  x64: { os: 'linux', architecture: 'amd64' },
  aarch64: { os: 'linux', architecture: 'arm64' },
  armhf: { os: 'linux', architecture: 'arm', variant: 'v7' },
  armel: { os: 'linux', architecture: 'arm', variant: 'v6' },
  ppc64el: { os: 'linux', architecture: 'ppc64le' },
};

/** Reads `OS/ARCH[/VARIANT]`, e.g. `linux/arm64/v8`; kernel names of architectures (`x86_64`, `aarch64`) are understood. Throws `bad-platform` (exit 2). */
export function parsePlatform(text: string): Platform {
  const [os, architecture, variant, ...more] = text.toLowerCase().split('/');
  const isWord = (part: string | undefined) => part !== undefined && /^[a-z0-9][a-z0-9_.-]*$/.test(part);
  if (!isWord(os) || !isWord(architecture) || (variant !== undefined && !isWord(variant)) || more.length > 0) {
    throw badInput('bad-platform', `'${text}' is not a platform`, 'write OS/ARCH, for example linux/amd64 or linux/arm64');
  }
  return normalizePlatform({ os: os ?? '', architecture: architecture ?? '', ...(variant === undefined ? {} : { variant }) });
}

/** `linux/arm64`, `linux/arm/v7`. */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, ...(platform.variant === undefined ? [] : [platform.variant])].join('/');
}

/** The platform of images for this machine. The operator may be another system; cluster images are for linux. */
export function hostPlatform(): Platform {
  return normalizePlatform({ os: 'linux', architecture: process.arch });
}

/** One spelling for each platform: containerd's rules (platforms/database.go), where `arm64/v8` and `amd64/v1` are the plain architectures and `arm` is `v7`. */
export function normalizePlatform(platform: Platform): Platform {
  const known = ARCHITECTURES[platform.architecture];
  const architecture = known?.architecture ?? platform.architecture;
  const written = platform.variant === '' ? undefined : platform.variant;
  const variant = variantOf(architecture, written ?? known?.variant);
  return variant === undefined ? { os: platform.os, architecture } : { os: platform.os, architecture, variant };
}

function variantOf(architecture: string, variant: string | undefined): string | undefined {
  if (architecture === 'arm64') return variant === 'v8' || variant === '8' ? undefined : variant;
  if (architecture === 'amd64') return variant === 'v1' ? undefined : variant;
  if (architecture === 'arm') return variant === undefined ? 'v7' : variant.startsWith('v') ? variant : `v${variant}`;
  return variant;
}

/** Whether an image for `offered` is what `wanted` asks for: same system, architecture and variant; on arm a lower variant serves too. */
export function matchesPlatform(wanted: Platform, offered: Platform): boolean {
  return rank(wanted, offered) >= 0;
}

/** The index's manifest for a platform, the best variant first, or undefined. Attestations (`unknown/unknown`) never match. */
export function pickPlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const [only] = manifests;
  if (manifests.length === 1 && only !== undefined && only.platform === undefined) return only;
  let best: { readonly descriptor: Descriptor; readonly rank: number } | undefined;
  for (const descriptor of manifests) {
    if (descriptor.platform === undefined) continue;
    const score = rank(wanted, descriptor.platform);
    if (score >= 0 && (best === undefined || score > best.rank)) best = { descriptor, rank: score };
  }
  return best?.descriptor;
}

// Higher is better, negative is no match.
function rank(wanted: Platform, offered: Platform): number {
  const want = normalizePlatform(wanted);
  const offer = normalizePlatform(offered);
  if (want.os !== offer.os || want.architecture !== offer.architecture) return -1;
  if (want.variant === offer.variant) return 100;
  const level = (variant: string | undefined) => (variant === undefined ? 0 : Number(/^v(\d+)$/.exec(variant)?.[1] ?? Number.NaN));
  const lower = level(offer.variant) < level(want.variant);
  return lower ? level(offer.variant) : -1;
}
