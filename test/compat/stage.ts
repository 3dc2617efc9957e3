// The cluster of the compatibility tests: a rootfs image and application images made like those that are published, two lab hosts.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type LabHost, openLab } from '@sealos/lab';
import { parseClusterfile } from '@sealos/runtime';
import { buildClusterImages, imageNames, runProgram } from '../../scripts/cluster-images.ts';
import { executableIn } from '../support/executable.ts';

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

export interface Stage {
  readonly hosts: readonly LabHost[];
  /** Runs sealos to its end. Throws with the last lines when it fails. */
  readonly sealos: (...args: readonly string[]) => Promise<string>;
  /** The flags for the hosts' keys, two words each. */
  readonly login: readonly string[];
  /** Runs a command on a host as root, by OpenSSH. */
  readonly on: (index: number, command: string) => Promise<string>;
  /** Names of the images that the operator's Clusterfile has, and of those that it says are on the hosts. */
  readonly state: () => Promise<{ readonly images: readonly string[]; readonly mounts: readonly string[] }>;
  readonly work: string;
  [Symbol.asyncDispose](): Promise<void>;
}

const log = (line: string) => console.log(`# ${line}`);

/** Makes the images and two empty servers; removes all of them when it is disposed of. */
export async function openStage(): Promise<Stage> {
  const lab = openLab({ name: 'test-compat' });
  const work = mkdtempSync(join(tmpdir(), 'sealos-compat-'));
  const env = { SEALOS_STORAGE: join(work, 'store'), SEALOS_RUNTIME_ROOT: join(work, 'state') };
  // The executable, not the sources: it puts itself on the control planes.
  let sealos = '';
  const call = (...args: readonly string[]) => runProgram([sealos, ...args], { env, onLine: log });
  const dispose = async () => {
    await lab.down();
    rmSync(work, { recursive: true, force: true });
  };
  try {
    mkdirSync(env.SEALOS_RUNTIME_ROOT);
    const building = async () => {
      sealos = await executableIn(work);
      await buildClusterImages({ storage: env.SEALOS_STORAGE, onLine: log });
      await buildImages(work, call);
    };
    // What a run that was cut off left there is no empty server.
    const upAnew = async () => {
      await lab.down();
      return lab.up({ count: 2 });
    };
    // Neither is left at work when the other fails.
    const [up, built] = await Promise.allSettled([upAnew(), building()]);
    if (up.status === 'rejected') throw up.reason;
    if (built.status === 'rejected') throw built.reason;
    const hosts = up.value;
    const [first] = hosts;
    if (!first) throw new Error('the lab gave no server');
    return {
      hosts,
      sealos: call,
      login: ['-i', first.sshKey, '--known-hosts', first.knownHosts],
      on: async (index, command) => runProgram(await lab.ssh(hosts[index]?.name ?? '', [command]), { onLine: () => {} }),
      async state() {
        const { cluster } = parseClusterfile(readFileSync(join(env.SEALOS_RUNTIME_ROOT, 'default/Clusterfile'), 'utf8'), { name: 'state' });
        return { images: cluster.images, mounts: cluster.status.mounts.map(({ imageName }) => imageName) };
      },
      work,
      [Symbol.asyncDispose]: dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

type Call = (...args: readonly string[]) => Promise<string>;

async function buildImages(work: string, call: Call): Promise<void> {
  const context = join(work, 'rootfs');
  cpSync(join(import.meta.dirname, 'rootfs'), context, { recursive: true });
  for (const [from, to] of Object.entries(SCRIPTS)) cpSync(join(root, 'images/kubernetes/scripts', from), join(context, 'scripts', to));
  await withContainerImage(context, 'registry.example/compat/rootfs:1', call);
  await call('build', '-t', rootfsImage, '--label', 'sealos.io.type=rootfs', '--label', 'sealos.io.version=v1beta1', context);
  for (const name of applications) {
    const directory = join(work, name);
    cpSync(join(import.meta.dirname, 'applications', name), directory, { recursive: true });
    if (name === 'union') await withContainerImage(directory, 'registry.example/compat/application:1', call);
    await call('build', '-t', imageOf(name), '--save-image', String(name === 'union'), directory);
  }
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
