// The cluster of the compatibility tests: a rootfs image and application images made like those that are published, two lab hosts.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { LabHost } from '@sealos/lab';
import { parseClusterfile } from '@sealos/runtime';
import { imageNames } from '../../scripts/cluster-images.ts';
import { type LabCluster, openLabCluster } from './lab-cluster.ts';

const root = dirname(dirname(import.meta.dirname));

/** Programs of this project's own image under the names by which the published scripts call theirs. */
const SCRIPTS = {
  'init-cri.sh': 'init-containerd.sh',
  'init.sh': 'init-kube.sh',
  'init-registry.sh': 'install-registry.sh',
  'clean.sh': 'clean-kube.sh',
  'clean-cri.sh': 'clean-containerd.sh',
  'clean-registry.sh': 'remove-registry.sh',
} as const;

export const rootfsImage = 'localhost/kubernetes:g3';
export const applications = [
  ...['patch', 'helm', 'ingress', 'ovn', 'rancher', 'metallb', 'mongodb', 'mariadb', 'zot', 'coredns', 'calico', 'union', 'vip'],
] as const;
export const imageOf = (application: (typeof applications)[number]) => `localhost/${application}:1`;

export interface Stage extends LabCluster {
  /** Names of the images that the operator's Clusterfile has, and of those that it says are on the hosts. */
  readonly images: () => { readonly images: readonly string[]; readonly mounts: readonly string[] };
}

/** Makes the images and two empty servers; removes all of them when it is disposed of. */
export async function openStage(): Promise<Stage> {
  const opened = await openLabCluster({ name: 'test-compat', count: 2, build: ({ work, call }) => buildImages(work, call) });
  return {
    ...opened,
    images() {
      const { cluster } = parseClusterfile(readFileSync(join(opened.state, 'default/Clusterfile'), 'utf8'), { name: 'state' });
      return { images: cluster.images, mounts: cluster.status.mounts.map(({ imageName }) => imageName) };
    },
  };
}

type Call = (...args: readonly string[]) => Promise<string>;

async function buildImages(work: string, call: Call): Promise<void> {
  await buildRootfs(work, call);
  for (const name of applications) {
    const directory = join(work, name);
    cpSync(join(import.meta.dirname, 'applications', name), directory, { recursive: true });
    if (name === 'union') await withContainerImage(directory, 'registry.example/compat/application:1', call);
    await call('build', '-t', imageOf(name), '--save-image', String(name === 'union'), directory);
  }
}

/** The rootfs image of the tests, into the store that the calls use. */
export async function buildRootfs(work: string, call: Call): Promise<void> {
  const context = join(work, 'rootfs');
  cpSync(join(import.meta.dirname, 'rootfs'), context, { recursive: true });
  for (const [from, to] of Object.entries(SCRIPTS)) cpSync(join(root, 'images/kubernetes/scripts', from), join(context, 'scripts', to));
  await withContainerImage(context, 'registry.example/compat/rootfs:1', call);
  await call('build', '-t', rootfsImage, '--label', 'sealos.io.type=rootfs', '--label', 'sealos.io.version=v1beta1', context);
}

/** Puts a small container image into a build context, as an archive that the build saves in the image's `registry/`. */
async function withContainerImage(context: string, name: string, call: Call): Promise<void> {
  const content = join(context, 'content');
  mkdirSync(content);
  writeFileSync(join(content, 'Kubefile'), 'FROM scratch\nCOPY name name\n');
  writeFileSync(join(content, 'name'), name);
  await call('build', '-t', 'localhost/content:1', content);
  await call('save', '-o', join(context, 'content.tar'), 'localhost/content:1');
  mkdirSync(join(context, 'images/skopeo'), { recursive: true });
  writeFileSync(join(context, 'images/skopeo/tar.txt'), `oci-archive:content.tar@${name}\n`);
  rmSync(content, { recursive: true });
}

/** The Clusterfile of the tests: settings for the cluster and others for each host. */
export function clusterfile(hosts: readonly LabHost[]): string {
  const [master, worker] = hosts;
  const group = (host: LabHost | undefined, roles: readonly string[], env: readonly string[]) => ({ ips: [host?.ip], roles, env });
  const cluster = {
    apiVersion: 'apps.sealos.io/v1beta1',
    kind: 'Cluster',
    metadata: { name: 'default' },
    spec: {
      image: [rootfsImage, imageOf('patch'), imageNames.hostgw],
      env: [`nasty=${NASTY}`, 'disableApparmor=true'],
      hosts: [group(master, ['master', 'gold'], ['zone=east']), group(worker, ['node'], ['zone=west', 'criData=/srv/containerd'])],
    },
  };
  // The Clusterfile is a template itself: what is between backquotes is left for the hosts.
  const zone = 'zone {{`{{ .zone }}`}} of {{`{{ .SEALOS_SYS_RUN_MODE }}`}}\n';
  const documents = [
    cluster,
    config('rootfs', { path: 'etc/from-config.tmpl', match: rootfsImage, data: zone }),
    config('application', { path: 'values.yaml', match: imageOf('metallb'), strategy: 'merge', data: 'added: true\n' }),
  ];
  return documents.map((document) => JSON.stringify(document)).join('\n---\n');
}

const config = (name: string, spec: object) => ({ apiVersion: 'apps.sealos.io/v1beta1', kind: 'Config', metadata: { name }, spec });

/** A value with everything that a shell would take for its own. */
export const NASTY = `a"b'c$HOME\`id\`\\ ;*`;
