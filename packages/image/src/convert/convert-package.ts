import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { openArchive } from '../archive-source.ts';
import { buildImage } from '../build/build-image.ts';
import type { OnTransfer } from '../content.ts';
import { badInput } from '../error.ts';
import { openImage } from '../image.ts';
import type { Descriptor, Platform } from '../manifest.ts';
import { familiarName, formatReference, parseReference, type Reference } from '../reference.ts';
import { saveImages } from '../saved-registry/save-images.ts';
import type { Store } from '../store.ts';
import { olderKubeadm } from './package-kubeadm.ts';
import { packageScripts, registryFiles } from './package-scripts.ts';
import { inPackage, PACKAGE_LIMITS, type PackageLimits, unpackPackage } from './package-tree.ts';
import { registryProgram } from './registry-program.ts';

export interface ConvertOptions {
  /** Of the image, as the user typed it. */
  readonly name: string;
  /** Kubernetes version with `v`; default: that of the package's kube-apiserver, else that in the file's name. */
  readonly version?: string | undefined;
  /** File of the program `registry` (distribution); default: the package's own, else that of a rootfs image in the store. */
  readonly registry?: string | undefined;
  /** Leave out `conf/net/calico.yaml`, which is applied otherwise. */
  readonly withoutCni?: boolean | undefined;
  /** The package's bytes, when `path` is no file but the name of where they come from. */
  readonly input?: Readable | undefined;
  readonly limits?: PackageLimits | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnTransfer | undefined;
}

export interface Converted {
  readonly name: Reference;
  readonly descriptor: Descriptor;
  readonly version: string;
  /** Container images that the package brings. */
  readonly images: readonly string[];
  readonly warnings: readonly string[];
}

const VIP = '10.103.97.2';
const KUBEFILE = '.sealos-convert.Kubefile';

/**
 * Makes a cluster image (rootfs) of an offline package of sealos 1 to 3 (`kube1.x.tar.gz`: bin, conf, images, shell): its container images
 * go to the image's `registry/`, its scripts run when the cluster's hosts are set up, and its archives stay for those of its scripts that
 * load them. Throws `bad-package`, `archive-not-found`, `bad-archive`, `no-registry-program`, `unsupported-kubernetes` (exit 2).
 */
export async function convertPackage(store: Store, path: string, options: ConvertOptions): Promise<Converted> {
  const { signal, onEvent } = options;
  parseReference(options.name);
  const lease = await store.lease();
  const context = join(lease.path, `package-${lease.next()}`);
  await mkdir(context, { recursive: true });
  try {
    await unpackPackage(path, context, { limits: options.limits ?? PACKAGE_LIMITS, input: options.input, signal });
    // Ours to make; and nothing of a package is left out of its image.
    for (const name of ['scripts', 'registry', '.containerignore', '.dockerignore'])
      await rm(join(context, name), { recursive: true, force: true });
    const { references, platform } = await saveArchives(store, path, context, options);
    const version = versionOf(path, references, options.version);
    const shell = await readShell(context);
    const program = await registryProgram(store, context, options.registry, signal);
    await mkdir(join(context, 'cri'), { recursive: true });
    if (program !== join(context, 'cri', 'registry')) await copyFile(program, join(context, 'cri', 'registry'));
    await chmod(join(context, 'cri', 'registry'), 0o755);
    await writeFiles(join(context, 'scripts'), packageScripts(shell), 0o755);
    const repository = references.find(({ repository: of }) => basename(of) === 'kube-apiserver');
    const kubeadm = olderKubeadm(await readIfFile(join(context, 'conf', 'kubeadm.yaml')), {
      name: `conf/kubeadm.yaml of ${path}`,
      version,
      vip: VIP,
      masters: [],
      imageRepository: repository === undefined ? undefined : familiarRepository(repository),
    });
    await writeFiles(
      join(context, 'etc'),
      new Map([...registryFiles, ...(kubeadm === '' ? [] : [['kubeadm.yml', kubeadm] as const])]),
      0o644,
    );
    const cni = options.withoutCni ? undefined : await firstFile(context, ['conf/net/calico.yaml', 'conf/calico.yaml']);
    const lvscare = references.find(({ repository: of }) => basename(of) === 'lvscare');
    await writeFile(join(context, KUBEFILE), await kubefile(context, cni));
    const built = await buildImage(store, {
      context,
      file: join(context, KUBEFILE),
      names: [options.name],
      platform,
      labels: {
        'sealos.io.type': 'rootfs',
        'sealos.io.version': 'v1beta1',
        'sealos.io.distribution': 'kubernetes',
        version,
        vip: '$defaultVIP',
        check: 'check.sh',
        init: 'init.sh',
        clean: 'clean.sh',
        'init-registry': 'init-registry.sh $registryData $registryConfig',
        'clean-registry': 'clean-registry.sh $registryData $registryConfig',
        ...(lvscare === undefined ? {} : { image: familiarName(lvscare) }),
      },
      env: environment(await usesDocker(context)),
      // The same package gives the same image, whenever it is converted.
      environment: { SOURCE_DATE_EPOCH: String(Math.floor((await stat(join(context, 'shell', 'init.sh'))).mtimeMs / 1000)) },
      signal,
      onEvent,
    });
    const warnings = [...shell.warnings, ...built.warnings];
    if (cni === undefined && !options.withoutCni)
      warnings.push('the package has no conf/net/calico.yaml: name an image of a pod network when you run it');
    return { name: parseReference(options.name), descriptor: built.descriptor, version, images: references.map(familiarName), warnings };
  } finally {
    await rm(context, { recursive: true, force: true });
  }
}

/** All archives in `images/` into `registry/`. */
async function saveArchives(
  store: Store,
  path: string,
  context: string,
  { signal, onEvent }: ConvertOptions,
): Promise<{ readonly references: readonly Reference[]; readonly platform: Platform | undefined }> {
  const found = new Map<string, Reference>();
  let platform: Platform | undefined;
  const files = await readdir(join(context, 'images'), { withFileTypes: true });
  const archives = files.filter((file) => file.isFile() && /\.(tar|tar\.gz|tgz)$/.test(file.name)).map(({ name }) => name);
  for (const name of archives.sort()) {
    try {
      await using archive = await openArchive(store, join(context, 'images', name), { signal });
      const references = archive.images.map(({ reference }) => reference);
      await saveImages({
        directory: join(context, 'registry'),
        references,
        platform: 'all',
        source: archive.source,
        store,
        signal,
        onEvent,
      });
      for (const reference of references) found.set(formatReference(reference), reference);
      const [first] = references;
      if (first !== undefined && platform === undefined) {
        const { config } = await openImage(archive.source, first, { signal });
        platform = { os: config.os, architecture: config.architecture };
      }
    } catch (error) {
      throw inPackage(path, `images/${name}`, error);
    }
  }
  if (found.size === 0) throw badInput('bad-package', `${path} brings no container images: its directory images has no archive of any`);
  return { references: [...found.values()], platform };
}

function versionOf(path: string, references: readonly Reference[], given: string | undefined): string {
  const apiServer = references.find(({ repository }) => basename(repository).startsWith('kube-apiserver'))?.tag;
  const inName = /^kube(\d+\.\d+\.\d+)/.exec(basename(path))?.[1];
  const version = given ?? apiServer ?? (inName === undefined ? undefined : `v${inName}`);
  const [, minor] = /^v1\.(\d+)\.\d+$/.exec(version ?? '') ?? [];
  if (version === undefined || minor === undefined) {
    const what = version === undefined ? `nothing in ${path} says which Kubernetes it is` : `'${version}' is not a Kubernetes version`;
    throw badInput('bad-version', what, 'say it with --version v1.22.0');
  }
  if (given !== undefined && apiServer !== undefined && given !== apiServer)
    throw badInput('bad-version', `${path} is Kubernetes ${apiServer}, not ${given}`, 'leave --version out');
  if (Number(minor) < 15) throw badInput('unsupported-kubernetes', `Kubernetes ${version} is too old`, 'use a package of 1.15 or later');
  return version;
}

async function readShell(context: string) {
  const init = await readIfFile(join(context, 'shell', 'init.sh'));
  if (init === undefined) throw badInput('bad-package', 'the package has no shell/init.sh');
  const master = await readIfFile(join(context, 'shell', 'master.sh'));
  const runtimes: string[] = [];
  for (const name of ['containerd.sh', 'docker.sh'])
    if ((await readIfFile(join(context, 'shell', name))) !== undefined) runtimes.push(name);
  const callsKubeadm = master !== undefined && /\bkubeadm\s+(init|join)\b/.test(master);
  return {
    runtimeScript: runtimes.some((name) => init.includes(name)) ? undefined : runtimes[0],
    runsMaster: master !== undefined && !callsKubeadm,
    hasClean: (await readIfFile(join(context, 'shell', 'clean.sh'))) !== undefined,
    warnings: callsKubeadm ? ['shell/master.sh calls kubeadm, which sealos does itself: it is not run'] : [],
  };
}

async function usesDocker(context: string): Promise<boolean> {
  const hasContainerd = (await readIfFile(join(context, 'shell', 'containerd.sh'))) !== undefined;
  return !hasContainerd;
}

function environment(docker: boolean): Readonly<Record<string, string>> {
  return {
    criData: docker ? '/var/lib/docker' : '/var/lib/containerd',
    registryData: '/var/lib/registry',
    registryConfig: '/etc/registry',
    registryDomain: 'sealos.hub',
    registryPort: '5000',
    registryUsername: 'admin',
    registryPassword: '',
    defaultVIP: VIP,
    SEALOS_SYS_CRI_ENDPOINT: docker ? '/var/run/dockershim.sock' : '/run/containerd/containerd.sock',
  };
}

/** A COPY for each top-level name, which become layers of their own: the big ones are not built and sent again for a small one. */
async function kubefile(context: string, cni: string | undefined): Promise<string> {
  const names = (await readdir(context)).filter((name) => name !== KUBEFILE).sort();
  const copies = names.map((name) => `COPY ${JSON.stringify([name, name])}`);
  // On control planes alone: the others have no way to the API.
  const apply = `if [ -f /etc/kubernetes/admin.conf ]; then kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f ${cni}; fi`;
  return ['FROM scratch', ...copies, ...(cni === undefined ? [] : [`CMD ${JSON.stringify([apply])}`]), ''].join('\n');
}

async function writeFiles(directory: string, files: ReadonlyMap<string, string>, mode: number): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, text] of files) {
    // What the package has there may be a link.
    await rm(join(directory, name), { recursive: true, force: true });
    await writeFile(join(directory, name), text, { mode });
  }
}

async function firstFile(context: string, paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) if ((await readIfFile(join(context, path))) !== undefined) return path;
  return undefined;
}

const TEXT_LIMIT = 16 * 1024 * 1024;

async function readIfFile(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() && found.size <= TEXT_LIMIT ? readFile(path, 'utf8') : undefined;
}

function familiarRepository(reference: Reference): string {
  const { tag: _tag, digest: _digest, ...rest } = reference;
  return familiarName(rest)
    .replace(/:latest$/, '')
    .replace(/\/kube-apiserver$/, '');
}
