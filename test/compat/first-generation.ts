// The image of 2022 of the tests.
import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { openImage, openStore, parseReference, unpackImage } from '@sealos/image';
import { imageNames } from '../../scripts/cluster-images.ts';
import type { Making } from './lab-cluster.ts';

/** Builds it in the store that the calls use, of the project's own image there. */
export async function buildFirstGeneration(name: string, { work, storage, call }: Making): Promise<void> {
  const context = join(work, 'first-generation');
  cpSync(join(import.meta.dirname, 'first-generation'), context, { recursive: true });
  const labels = await registryArchive(storage, context, call);
  await call('build', '-q', '-t', name, ...labels, '--save-image=false', context);
  rmSync(context, { recursive: true });
}

/** Writes `images/registry.tar`, a container of the project's own registry program; returns the labels that depend on the version. */
async function registryArchive(storage: string, context: string, call: Making['call']): Promise<readonly string[]> {
  await using store = await openStore(storage);
  const image = await openImage(store, parseReference(imageNames.kubernetes));
  const rootfs = join(context, 'rootfs');
  await unpackImage(store, image, rootfs);
  const container = join(context, 'container');
  const program = join(rootfs, 'cri/registry');
  mkdirSync(join(container, 'root/bin'), { recursive: true });
  mkdirSync(join(container, 'root/lib64'));
  copyFileSync(program, join(container, 'root/bin/registry'));
  const libraries = execFileSync('sh', ['-c', `ldd ${program} || true`], { encoding: 'utf8' }).matchAll(/(\/\S+\.so\S*)/g);
  for (const [, library = ''] of libraries) {
    copyFileSync(library, join(container, 'root/lib64', basename(library)));
  }
  writeFileSync(join(container, 'Kubefile'), 'FROM scratch\nENV LD_LIBRARY_PATH=/lib64\nCOPY root /\n');
  await call('build', '-q', '-t', 'docker.io/library/registry:2.7.1', container);
  mkdirSync(join(context, 'images'));
  await call('save', '-q', '--format', 'docker-archive', '-o', join(context, 'images/registry.tar'), 'docker.io/library/registry:2.7.1');
  for (const directory of [rootfs, container]) rmSync(directory, { recursive: true });
  const own = image.config.config?.Labels ?? {};
  // Without CoreDNS where Debian is the source; the images of 2022 had no such label.
  return ['version', 'image', 'sealos.io.kubeadm.skip-phases'].flatMap((label) =>
    own[label] === undefined ? [] : ['--label', `${label}=${own[label]}`],
  );
}
