import { isIP, isIPv6 } from 'node:net';
import { badInput, type ImageConfig, shownName } from '@sealos/image';
import semver from 'semver';
import type { Environment } from '../cluster/cluster.ts';
import { contractLabel, substituteLabel } from './label-text.ts';

export type ImageKind = 'rootfs' | 'patch' | 'application';

/** The text after `bash ` for each moment of a host's life; run in `scripts/` of the rootfs. */
export interface LifecycleScripts {
  readonly check: string;
  readonly initRegistry: string;
  readonly init: string;
  readonly clean: string;
  readonly cleanRegistry: string;
  readonly initCri?: string;
  readonly cleanCri?: string;
  /** Logs the host in to the registry just before kubeadm: images up to April 2023. */
  readonly auth?: string;
}

/** What an image's labels, environment and command mean to a cluster. */
export interface ClusterImage {
  /** As the user typed it. */
  readonly name: string;
  readonly kind: ImageKind;
  /** Kubernetes version with `v`; always there for a rootfs. */
  readonly version?: string;
  readonly distribution: 'kubernetes' | 'k3s';
  /** A rootfs of 2022, made for sealos 4.0 and 4.1: it does not say which version of the contract it keeps. */
  readonly firstGeneration: boolean;
  /** From the image's own environment; `imageVip` heeds the user's. */
  readonly vip: string;
  readonly lvscareImage: string;
  /** What this image's labels say; only of a rootfs or patch. `lifecycleScripts` fills in the defaults. */
  readonly scripts: Partial<LifecycleScripts>;
  /** Without PATH. */
  readonly env: Environment;
  /** ENTRYPOINT's elements, then CMD's, each a shell line. */
  readonly commands: readonly string[];
  /** How many of `commands` are ENTRYPOINT's: `spec.command` replaces only the others. */
  readonly entrypointCount: number;
  /** kubeadm phases that this image does without. */
  readonly skipPhases: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const defaultVip = '10.103.97.2';
const defaultVip6 = 'fd00:10:103:97::2';
const defaultLvscareImage = 'sealos.hub:5000/sealos/lvscare:latest';
const abiVersions = ['v1beta1', 'v1beta2'];

/** `addons` is what the first 4.0 releases called a patch. */
const kinds: Readonly<Record<string, ImageKind>> = {
  rootfs: 'rootfs',
  patch: 'patch',
  addons: 'patch',
  application: 'application',
};

const scriptLabels: Readonly<Record<keyof LifecycleScripts, string>> = {
  check: 'check',
  initRegistry: 'init-registry',
  init: 'init',
  clean: 'clean',
  cleanRegistry: 'clean-registry',
  initCri: 'init-cri',
  cleanCri: 'clean-cri',
  auth: 'auth',
};

/** Reads an image's contract. Throws bad input where a rootfs lacks what it must have. */
export function clusterImage(name: string, config: ImageConfig): ClusterImage {
  const { Labels: labels = {}, Env: assignments = [], Entrypoint = [], Cmd = [] } = config.config ?? {};
  // No shell can hold it, and a host takes it for the end of a script.
  if ([...Object.values(labels), ...assignments, ...Entrypoint, ...Cmd].some((text) => text.includes('\0')))
    throw badInput('bad-image', `${name}: its labels, environment or commands hold a zero byte`, 'have it built without that');
  const env = imageEnvironment(assignments);
  const kind = imageKind(name, labels);
  const version = kubernetesVersion(name, kind, labels);
  const entrypoint = shellLines(Entrypoint);
  return {
    name,
    kind,
    ...(version === undefined ? {} : { version }),
    distribution: distribution(name, labels),
    firstGeneration: kind === 'rootfs' && !contractLabel(labels, 'version'),
    vip: kind === 'application' ? defaultVip : labelledVip(name, labels, env),
    lvscareImage: substituteLabel(labels['image'] || defaultLvscareImage, env),
    scripts: kind === 'application' ? {} : labelledScripts(labels),
    env,
    commands: [...entrypoint, ...shellLines(Cmd)],
    entrypointCount: entrypoint.length,
    skipPhases: (contractLabel(labels, 'kubeadm.skip-phases') ?? '')
      .split(',')
      .map((phase) => phase.trim())
      .filter((phase) => phase !== ''),
    labels,
  };
}

/**
 * The virtual address of a rootfs with the user's environment laid over the image's (`-e defaultVIP=…`). Published images all carry the
 * usual one of IPv4: where the first control plane is of IPv6 the usual one of that family stands for it.
 */
export function imageVip(image: ClusterImage, env: Environment, master: string): string {
  const vip = labelledVip(image.name, image.labels, env);
  return vip === defaultVip && isIPv6(master) ? defaultVip6 : vip;
}

/** Refuses images that cannot be run together: on a new cluster the first must be a rootfs, and there is never more than one. */
export function validateImages(images: readonly ClusterImage[], { newCluster }: { readonly newCluster: boolean }): void {
  const first = images[0];
  if (first === undefined) throw badInput('no-image', 'no image is named', 'name a rootfs image first, then application images');
  if (newCluster && first.kind !== 'rootfs') {
    const what = first.kind === 'patch' ? 'a patch' : 'an application';
    throw badInput(
      'no-rootfs-first',
      `${first.name} is ${what} image, and there is no cluster yet to run it on`,
      'name a rootfs image first, such as labring/kubernetes:v1.29.9',
    );
  }
  const [rootfs, second] = images.filter(({ kind }) => kind === 'rootfs');
  if (rootfs !== undefined && second !== undefined) {
    throw badInput('two-rootfs', `${rootfs.name} and ${second.name} are both rootfs images`, 'a cluster has one: leave the other out');
  }
  const names = new Set<string>();
  for (const { name } of images) {
    if (names.has(name)) throw badInput('duplicate-image', `${name} is named twice`, 'name each image once');
    names.add(name);
  }
}

/**
 * The scripts of a rootfs with those of patches laid over, in order, and the defaults filled in. An application's labels count for
 * nothing here: one labelled `init` or `clean` must not take the place of the rootfs's script.
 */
export function lifecycleScripts(images: readonly ClusterImage[]): LifecycleScripts {
  const defaults = {
    check: 'check.sh',
    initRegistry: 'init-registry.sh',
    init: 'init.sh',
    clean: 'clean.sh',
    cleanRegistry: 'clean-registry.sh',
  };
  return Object.assign(defaults, ...images.map(({ scripts }) => scripts));
}

/** The image's shell lines with `spec.command` or `--cmd` in CMD's place. */
export function overrideCommand(image: ClusterImage, command: readonly string[]): ClusterImage {
  if (command.length === 0) return image;
  return { ...image, commands: [...image.commands.slice(0, image.entrypointCount), ...command] };
}

function imageKind(name: string, labels: Readonly<Record<string, string>>): ImageKind {
  const type = contractLabel(labels, 'type') ?? 'application';
  const kind = Object.hasOwn(kinds, type) ? kinds[type] : undefined;
  if (kind !== undefined) return kind;
  throw badInput('bad-image', `${name}: label sealos.io.type is '${shownName(type)}'`, 'it is rootfs, patch or application');
}

function kubernetesVersion(name: string, kind: ImageKind, labels: Readonly<Record<string, string>>): string | undefined {
  const text = labels['version'];
  if (kind !== 'rootfs') return text;
  const abi = contractLabel(labels, 'version');
  if (abi && !abiVersions.includes(abi)) {
    throw badInput(
      'bad-image',
      `${name}: its label sealos.io.version is '${shownName(abi)}', known are ${abiVersions.join(' and ')}`,
      'use an image made for sealos 4 or 5',
    );
  }
  if (text === undefined || semver.parse(text) === null) {
    throw badInput(
      'bad-image',
      `${name}: label version is ${text === undefined ? 'missing' : `'${shownName(text)}'`}, not a Kubernetes version`,
    );
  }
  return text.startsWith('v') ? text : `v${text}`;
}

function distribution(name: string, labels: Readonly<Record<string, string>>): 'kubernetes' | 'k3s' {
  const text = contractLabel(labels, 'distribution');
  if (text === undefined || text === '' || text === 'kubernetes' || text === 'kubeadm') return 'kubernetes';
  if (text === 'k3s') return 'k3s';
  throw badInput('unsupported-distribution', `${name}: distribution '${shownName(text)}' is not known`, 'known are kubernetes and k3s');
}

function labelledVip(name: string, labels: Readonly<Record<string, string>>, env: Environment): string {
  const vip = substituteLabel(labels['vip'] ?? '', env) || env.get('defaultVIP') || defaultVip;
  if (isIP(vip) === 0)
    throw badInput('bad-image', `${name}: label vip is '${shownName(vip)}', not an IP address`, 'set it with -e defaultVIP=IP');
  return vip;
}

function labelledScripts(labels: Readonly<Record<string, string>>): Partial<LifecycleScripts> {
  return Object.fromEntries(
    Object.entries(scriptLabels).flatMap(([key, label]) => {
      const text = labels[label]?.trim();
      return text ? [[key, text]] : [];
    }),
  );
}

export function imageEnvironment(assignments: readonly string[]): Environment {
  const env = new Map<string, string>();
  for (const assignment of assignments) {
    const at = assignment.indexOf('=');
    const key = at < 0 ? assignment : assignment.slice(0, at);
    if (key !== 'PATH') env.set(key, at < 0 ? '' : assignment.slice(at + 1));
  }
  return env;
}

/** The shell form of CMD is `["/bin/sh", "-c", LINE]`: without the first two it is one line like any other. */
function shellLines(elements: readonly string[]): readonly string[] {
  return elements.filter((element) => element !== '/bin/sh' && element !== '-c');
}
