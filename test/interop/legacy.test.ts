// The commands of sealos 1 to 3, as their documents show them.
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { withDirectory } from '../support/images.ts';
import { makePackage } from '../support/offline-package.ts';
import { type Ended, runSealos as sealos } from '../support/run-sealos.ts';

/** A cluster in the state that was never anywhere: what is asked of it ends before any host is. */
async function writeState(work: string): Promise<void> {
  const home = join(work, 'state', 'default');
  await mkdir(home, { recursive: true });
  const clusterfile = `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata:
  name: default
  creationTimestamp: "2024-01-01T00:00:00Z"
spec:
  image: [localhost/kubernetes:v1.22.0]
  hosts:
    - {ips: ["127.0.0.1:1"], roles: [master]}
    - {ips: ["127.0.0.2:1"], roles: [node]}
status: {phase: ClusterSuccess}
`;
  await writeFile(join(home, 'Clusterfile'), clusterfile);
}

const today = ({ stderr }: Ended) => /^today this is: (.*)$/m.exec(stderr)?.[1];

test('config -t kubeadm prints a template with the fields of its documents', async () => {
  await withDirectory(async (work) => {
    const { status, stdout } = await sealos(work, 'config', '-t', 'kubeadm');
    assert.equal(status, 0);
    for (const field of ['{{.Version}}', '{{range .Masters -}}', '{{.VIP}}']) assert.ok(stdout.includes(field), field);
    assert.equal((await sealos(work, 'config', '-t', 'calico')).status, 2);
  });
});

test('init converts the package and runs it, and says so without the password', async () => {
  await withDirectory(async (work) => {
    const file = await makePackage(work);
    await writeFile(join(work, 'kubeadm.tmpl'), (await sealos(work, 'config', '-t', 'kubeadm')).stdout);
    // Nothing listens on port 1: the run ends where it would reach the hosts.
    const ended = await sealos(
      work,
      ...[
        'init',
        '--master',
        '127.0.0.1:1',
        '--master',
        '127.0.0.2:1',
        '--node',
        '127.0.0.3:1',
        '--user',
        'root',
        '--passwd',
        'server-password',
      ],
      ...['--version', 'v1.22.0', '--pkg-url', file, '--vip', '10.103.97.9', '--kubeadm-config', join(work, 'kubeadm.tmpl')],
    );
    assert.equal(
      today(ended),
      `sealos convert ${file} -t localhost/kube1.22.0:converted --version v1.22.0 && sealos run localhost/kube1.22.0:converted --masters 127.0.0.1:1,127.0.0.2:1 --nodes 127.0.0.3:1 -e defaultVIP=10.103.97.9 --config-file kubeadm.yaml --user=root --passwd`,
    );
    assert.doesNotMatch(ended.stderr + ended.stdout, /server-password/);
    assert.notEqual(ended.status, 0);
    assert.match(ended.stderr, /127\.0\.0\.\d/);
    assert.match((await sealos(work, 'images')).stdout, /kube1\.22\.0/);
  });
});

test('init takes a package from an http server', async () => {
  await withDirectory(async (work) => {
    const content = await readFile(await makePackage(work));
    const server = createServer((request, response) =>
      request.url === '/kube1.22.0.tar.gz' ? response.end(content) : response.writeHead(404).end(),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const ended = await sealos(work, 'init', '--master', '127.0.0.1:1', '--pkg-url', `http://127.0.0.1:${port}/kube1.22.0.tar.gz`);
      assert.match(today(ended) ?? '', /sealos run localhost\/kube1\.22\.0:converted --masters 127\.0\.0\.1:1$/);
      const missing = await sealos(work, 'init', '--master', '127.0.0.1:1', '--pkg-url', `http://127.0.0.1:${port}/other.tar.gz`);
      assert.match(missing.stderr, /answers 404/);
      assert.equal(missing.status, 2);
    } finally {
      server.close();
    }
  });
});

test('init refuses what it cannot do before anything is changed', async () => {
  await withDirectory(async (work) => {
    for (const [words, message] of [
      [['--pkg-url', 'nowhere.tar.gz'], /no control plane is named/],
      [['--pkg-url', 'nowhere.tar.gz', '--master', '127.0.0.1'], /nowhere\.tar\.gz/],
      [['--pkg-url', 'nowhere.tar.gz', '--master', 'not-an-ip'], /not-an-ip/],
      [['--pkg-url', 'nowhere.tar.gz', '--master', '127.0.0.1', '--network', 'cilium'], /cilium is in no offline package/],
      [['--pkg-url', 'nowhere.tar.gz', '--master', '127.0.0.1', '--apiserver', 'k8s.local'], /apiserver\.cluster\.local/],
    ] as const) {
      const { status, stderr } = await sealos(work, 'init', ...words);
      assert.equal(status, 2, stderr);
      assert.match(stderr, message);
    }
  });
});

test('join is add', async () => {
  await withDirectory(async (work) => {
    const words = [
      '--master',
      '127.0.0.4-127.0.0.5',
      '--node',
      '127.0.0.6',
      '--vip',
      '10.103.97.2',
      '--pkg-url',
      '/root/kube1.15.0.tar.gz',
    ];
    const ended = await sealos(work, 'join', ...words);
    assert.equal(today(ended), 'sealos add --masters 127.0.0.4-127.0.0.5 --nodes 127.0.0.6');
    assert.equal(ended.status, 2, 'there is no cluster');
  });
});

test('clean of some hosts is delete, and of all of them or --all is reset; each asks first', async () => {
  await withDirectory(async (work) => {
    await writeState(work);
    const some = await sealos(work, 'clean', '--node', '127.0.0.2');
    assert.equal(today(some), 'sealos delete --nodes 127.0.0.2');
    for (const words of [['--all'], ['--master', '127.0.0.1', '--node', '127.0.0.2']]) {
      const all = await sealos(work, 'clean', ...words);
      assert.equal(today(all), 'sealos reset');
      assert.equal(all.status, 2);
      assert.match(all.stderr, /say so with --yes/);
    }
    assert.equal(today(await sealos(work, 'clean', '--all', '--force')), 'sealos reset --yes');
  });
});

test('clean without hosts, or with both kinds of saying them, is refused', async () => {
  await withDirectory(async (work) => {
    assert.equal((await sealos(work, 'clean')).status, 2);
    assert.equal((await sealos(work, 'clean', '--all', '--node', '127.0.0.2')).status, 2);
  });
});
