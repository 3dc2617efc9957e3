// An offline package of sealos 1 to 3 with a whole Kubernetes in it: the programs and container images of this project's own image, in the
// packages' shape (bin, conf, images, shell), its container images as one docker-archive.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openImage, openStore, parseReference, unpackImage } from '@sealos/image';
import { renderTemplates } from '@sealos/runtime';
import { imageNames } from '../../scripts/cluster-images.ts';
import { startDockerRegistry } from '../support/docker-registry.ts';

export interface OlderPackage {
  /** `kube1.20.2.tar.gz` */
  readonly file: string;
  /** `v1.20.2` */
  readonly version: string;
}

const run = (program: string, ...args: readonly string[]) => execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();

/** Writes the package into a directory, of the images of a store (`buildClusterImages`). */
export async function makeOlderPackage(
  storage: string,
  work: string,
  call: (storage: string, ...args: readonly string[]) => Promise<string>,
): Promise<OlderPackage> {
  const rootfs = join(work, 'older-rootfs');
  const network = join(work, 'older-network');
  const kube = join(work, 'kube');
  const version = await unpack(storage, imageNames.kubernetes, rootfs);
  await unpack(storage, imageNames.hostgw, network);
  cpSync(join(import.meta.dirname, 'older-package'), kube, { recursive: true });
  for (const directory of ['bin', 'cni']) cpSync(join(rootfs, directory), join(kube, directory), { recursive: true });
  packContainerd(join(rootfs, 'cri'), join(kube, 'containerd'));
  mkdirSync(join(kube, 'conf/net'));
  const path = 'manifests/hostgw.yaml.tmpl';
  const settings = new Map([
    ['API_URL', 'https://apiserver.cluster.local:6443'],
    ['POD_CIDR', '100.64.0.0/10'],
  ]);
  const [manifest] = renderTemplates(new Map([[path, readFileSync(join(network, path))]]), settings, '/');
  writeFileSync(join(kube, 'conf/net/calico.yaml'), manifest?.content ?? '');
  mkdirSync(join(kube, 'images'));
  const kubernetes = readFileSync(join(rootfs, 'images/shim/DefaultImageList'), 'utf8').trim().split('\n');
  const pause = kubernetes.find((name) => name.includes('/pause:')) ?? '';
  await archive(
    join(work, 'archives'),
    join(kube, 'images/images.tar'),
    [
      { registry: join(rootfs, 'registry'), images: kubernetes.map((name) => [withoutHost(name), name]) },
      // Debian has no CoreDNS: under its name is an image that does nothing.
      { registry: join(rootfs, 'registry'), images: [[withoutHost(pause), `${dirname(pause)}/coredns:1.7.0`]] },
      { registry: join(network, 'registry'), images: [['hostgw:1.0', 'sealos.local/hostgw:1.0']] },
    ],
    call,
  );
  const file = join(work, `kube${version.slice(1)}.tar.gz`);
  // One file of 300 MB: nothing is gained by packing it well.
  run('tar', '-C', work, '-I', 'gzip -1', '-cf', file, 'kube');
  for (const directory of [rootfs, network, kube, join(work, 'archives')]) rmSync(directory, { recursive: true });
  return { file, version };
}

const withoutHost = (name: string) => name.slice(name.indexOf('/') + 1);

async function unpack(storage: string, name: string, into: string): Promise<string> {
  await using store = await openStore(storage);
  const image = await openImage(store, parseReference(name));
  await unpackImage(store, image, into);
  return image.config.config?.Labels?.['version'] ?? '';
}

/** The container runtime as packages have it: an archive whose files lie in one directory, and the libraries that hosts may lack. */
function packContainerd(cri: string, into: string): void {
  mkdirSync(join(into, 'bin'), { recursive: true });
  for (const program of ['containerd', 'containerd-shim-runc-v2', 'ctr', 'runc']) cpSync(join(cri, program), join(into, 'bin', program));
  cpSync(join(cri, 'lib'), join(into, 'lib'), { recursive: true });
  run('tar', '-C', into, '-I', 'gzip -1', '-cf', join(into, 'containerd.tgz'), 'bin');
  rmSync(join(into, 'bin'), { recursive: true });
}

/** Copies images out of registries' directories and saves them as one archive, as `docker save` writes it. */
async function archive(
  work: string,
  file: string,
  sources: readonly { readonly registry: string; readonly images: readonly (readonly [from: string, name: string])[] }[],
  call: (storage: string, ...args: readonly string[]) => Promise<string>,
): Promise<void> {
  const storage = join(work, 'store');
  const names: string[] = [];
  for (const { registry: directory, images } of sources) {
    await using registry = await startDockerRegistry({ directory, readonly: true });
    for (const [from, name] of images) {
      const remote = `${registry.address}/${from}`;
      await call(storage, 'pull', '-q', '--tls-verify=false', remote);
      await call(storage, 'tag', remote, name);
      names.push(name);
    }
  }
  await call(storage, 'save', '-q', '--format', 'docker-archive', '-o', file, ...names);
}
