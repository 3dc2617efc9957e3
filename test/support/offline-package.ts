// Offline packages of sealos 1 to 3, made by tar after their documents.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** A docker-archive as `docker save` writes it, of images that hold their own name. */
async function dockerArchive(work: string, file: string, names: readonly string[]): Promise<void> {
  const directory = join(work, `archive-${names.length}`);
  await mkdir(directory, { recursive: true });
  const manifest = [];
  for (const [index, name] of names.entries()) {
    await writeFile(join(directory, 'name'), name);
    await run('tar', ['-C', directory, '-cf', join(directory, `${index}.tar`), 'name']);
    const layer = await readFile(join(directory, `${index}.tar`));
    const config = { architecture: 'amd64', os: 'linux', config: {}, rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] } };
    await writeFile(join(directory, `${index}.json`), JSON.stringify(config));
    manifest.push({ Config: `${index}.json`, RepoTags: [name], Layers: [`${index}.tar`] });
  }
  await writeFile(join(directory, 'manifest.json'), JSON.stringify(manifest));
  await run('tar', ['-C', directory, '-cf', file, 'manifest.json', ...names.flatMap((_, index) => [`${index}.json`, `${index}.tar`])]);
}

export interface PackageChange {
  readonly files?: Readonly<Record<string, string>>;
  readonly without?: readonly string[];
  readonly images?: readonly string[];
  readonly change?: (kube: string) => Promise<void>;
}

export const PACKAGE_IMAGES = ['k8s.gcr.io/kube-apiserver:v1.22.0', 'k8s.gcr.io/pause:3.5', 'fanux/lvscare:latest'];
const FILES: Readonly<Record<string, string>> = {
  'bin/kubeadm': '#!/bin/sh\n',
  'bin/kubelet': '#!/bin/sh\n',
  'bin/kubectl': '#!/bin/sh\n',
  'cri/registry': '#!/bin/sh\n',
  'conf/kubelet.service': '[Service]\nExecStart=/usr/bin/kubelet\n',
  'conf/10-kubeadm.conf': '[Service]\n',
  'conf/net/calico.yaml': 'kind: DaemonSet\n',
  'conf/kubeadm.yaml': `apiVersion: kubeadm.k8s.io/v1beta1
kind: ClusterConfiguration
kubernetesVersion: {{.Version}}
controlPlaneEndpoint: "apiserver.cluster.local:6443"
networking:
  podSubnet: 100.64.0.0/10
apiServer:
        certSANs:
        - sealyun.com
        {{range .Masters -}}
        - {{.}}
        {{end -}}
        - {{.VIP}}
---
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: "ipvs"
`,
  'docker/docker.tgz': 'docker',
  'shell/init.sh': 'echo init in "$PWD" >> "$RECORD"\ncp ../conf/kubelet.service "$RECORD.unit"\n',
  'shell/docker.sh': 'echo docker >> "$RECORD"\n',
  'shell/master.sh': 'kubeadm init --config ../conf/kubeadm.yaml\n',
  'README.md': 'an offline package\n',
};

/** Writes `kube1.22.0.tar.gz` into a directory; returns its path. */
export async function makePackage(
  work: string,
  { files = {}, without = [], images = PACKAGE_IMAGES, change }: PackageChange = {},
): Promise<string> {
  const kube = join(work, 'kube');
  for (const [path, text] of Object.entries({ ...FILES, ...files })) {
    if (without.includes(path)) continue;
    await mkdir(join(kube, path, '..'), { recursive: true });
    await writeFile(join(kube, path), text);
    if (path.startsWith('bin/')) await chmod(join(kube, path), 0o755);
  }
  await mkdir(join(kube, 'images'), { recursive: true });
  if (images.length > 0) await dockerArchive(work, join(kube, 'images', 'images.tar'), images);
  await change?.(kube);
  const file = join(work, 'kube1.22.0.tar.gz');
  await run('tar', ['-C', work, '-czf', file, 'kube']);
  return file;
}
