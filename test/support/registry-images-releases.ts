// A web server on loopback that looks like the pages where Kubernetes and its companions are released; what it serves are stand-ins.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface Releases extends AsyncDisposable {
  readonly url: string;
  /** Paths to what is served; change it to damage a download. */
  readonly files: Map<string, Buffer>;
}

/** Serves `files` at a free port. */
export async function serveReleases(files: Map<string, Buffer>): Promise<Releases> {
  const server = createServer((request, response) => {
    const content = files.get(decodeURIComponent(request.url ?? ''));
    response.statusCode = content === undefined ? 404 : 200;
    response.end(content ?? 'there is no such file\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    files,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A tar.gz of files whose content says their name. */
export function archive(paths: readonly string[], contents: Readonly<Record<string, string>> = {}): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'releases-'));
  try {
    for (const path of paths) {
      mkdirSync(dirname(join(directory, 'in', path)), { recursive: true });
      writeFileSync(join(directory, 'in', path), contents[path] ?? `stand-in for ${path}\n`, { mode: 0o755 });
    }
    execFileSync('tar', ['-czf', join(directory, 'out.tgz'), '-C', join(directory, 'in'), ...paths]);
    return readFileSync(join(directory, 'out.tgz'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');

/** The images that the stand-in of kubeadm says it needs. */
export const kubeadmImages = [
  'registry.k8s.io/kube-apiserver:v1.33.4',
  'registry.k8s.io/kube-proxy:v1.33.4',
  'registry.k8s.io/coredns/coredns:v1.12.0',
  'registry.k8s.io/pause:3.10',
  'registry.k8s.io/etcd:3.5.21-0',
];

/** Everything that a release of Kubernetes for one architecture is gathered from, with checksums in each project's own form. */
export function kubernetesRelease(version: string, architecture: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>([['/release/stable.txt', Buffer.from(version)]]);
  const add = (path: string, content: Buffer, sums: string, form: 'bare' | 'named') => {
    files.set(path, content);
    const line = form === 'bare' ? sha256(content) : `${sha256(content)}  ${path.split('/').at(-1)}\n`;
    files.set(sums, Buffer.concat([files.get(sums) ?? Buffer.alloc(0), Buffer.from(line)]));
  };
  for (const program of ['kubeadm', 'kubelet', 'kubectl']) {
    const path = `/release/${version}/bin/linux/${architecture}/${program}`;
    const text = program === 'kubeadm' ? `printf '%s\\n' ${kubeadmImages.join(' ')}` : `echo ${program} stand-in`;
    add(path, Buffer.from(`#!/bin/sh\n${text}\n`), `${path}.sha256`, 'bare');
  }
  const containerd = `/containerd/containerd/releases/download/v2.1.3/containerd-2.1.3-linux-${architecture}.tar.gz`;
  const programs = ['bin/containerd', 'bin/containerd-shim-runc-v2', 'bin/ctr', 'bin/containerd-stress'];
  add(containerd, archive(programs), `${containerd}.sha256sum`, 'named');
  const runc = '/opencontainers/runc/releases/download/v1.3.0';
  for (const name of ['runc.amd64', 'runc.arm64'])
    add(`${runc}/${name}`, Buffer.from(`stand-in for ${name}`), `${runc}/runc.sha256sum`, 'named');
  const cni = `/containernetworking/plugins/releases/download/v1.7.1/cni-plugins-linux-${architecture}-v1.7.1.tgz`;
  add(cni, archive(['./bridge', './host-local', './LICENSE', './README.md']), `${cni}.sha256`, 'named');
  const crictl = `/kubernetes-sigs/cri-tools/releases/download/v1.33.0/crictl-v1.33.0-linux-${architecture}.tar.gz`;
  add(crictl, archive(['crictl']), `${crictl}.sha256`, 'bare');
  const registry = `/distribution/distribution/releases/download/v2.8.3/registry_2.8.3_linux_${architecture}.tar.gz`;
  add(registry, archive(['LICENSE', 'README.md', 'registry']), `${registry}.sha256`, 'named');
  return files;
}
