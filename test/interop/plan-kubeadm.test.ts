// What `plan` and `apply` tell of kubeadm documents, for a cluster of which no host answers: it is told before any is asked.
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { withDirectory } from '../support/images.ts';
import { runSealos } from '../support/run-sealos.ts';

const IMAGE = 'localhost/kubernetes:documents';
const NETWORK = `---
apiVersion: kubeadm.k8s.io/v1beta3
kind: ClusterConfiguration
networking: {podSubnet: 10.44.0.0/16}
apiServer: {extraArgs: {event-ttl: 2h0m0s}}
`;

const clusterfile = (documents: string) => `apiVersion: apps.sealos.io/v1beta1
kind: Cluster
metadata: {name: default}
spec:
  image: [${IMAGE}]
  hosts:
    - {ips: ["127.0.0.1:1"], roles: [master, amd64]}
${documents}`;

const STATE = `${clusterfile('').replace('{name: default}', '{name: default, creationTimestamp: "2026-01-01T00:00:00Z"}')}status:
  phase: ClusterSuccess
  mounts:
    - {name: k, type: rootfs, imageName: "${IMAGE}", labels: {version: v1.29.9, sealos.io.type: rootfs, sealos.io.version: v1beta1}}
`;

/** A store with an image whose own documents say something, and a cluster that was made of it without any of the user's. */
async function withCluster(use: (plan: (documents: string) => ReturnType<typeof runSealos>) => Promise<void>): Promise<void> {
  await withDirectory(async (work) => {
    const context = join(work, 'context');
    await mkdir(join(context, 'etc'), { recursive: true });
    await writeFile(join(context, 'etc/kubeadm.yml'), NETWORK);
    await writeFile(
      join(context, 'Kubefile'),
      'FROM scratch\nLABEL sealos.io.type=rootfs sealos.io.version=v1beta1 version=v1.29.9\nCOPY etc etc\n',
    );
    const built = await runSealos(work, 'build', '-q', '-t', IMAGE, '--platform', 'linux/amd64', context);
    assert.equal(built.status, 0, built.stderr);
    await mkdir(join(work, 'state/default'), { recursive: true });
    await writeFile(join(work, 'state/default/Clusterfile'), STATE);
    await use(async (documents) => {
      await writeFile(join(work, 'Clusterfile'), clusterfile(documents));
      return runSealos(work, 'plan', '-f', join(work, 'Clusterfile'));
    });
  });
}

test("what the image's own documents say is no change when it is written down, and not refused", async () => {
  await withCluster(async (plan) => {
    const { stdout, stderr } = await plan(NETWORK);
    assert.equal(stdout, '');
    assert.doesNotMatch(stderr, /cannot be changed/);
    assert.match(stderr, /127\.0\.0\.1/, 'it went on to the hosts');
  });
});

test("a change is told against what the image's own documents say, and so is what cannot be changed", async () => {
  await withCluster(async (plan) => {
    const { stdout } = await plan(NETWORK.replace('2h0m0s', '3h0m0s'));
    assert.equal(
      stdout,
      `kubeadm documents:
  ~ ClusterConfiguration apiServer.extraArgs.event-ttl: 2h0m0s -> 3h0m0s   (restarts the control plane's parts, one host after the other)
`,
    );
    const { status, stderr } = await plan(NETWORK.replace('10.44.', '10.45.'));
    assert.equal(status, 2);
    assert.match(stderr, /networking\.podSubnet \(10\.44\.0\.0\/16 -> 10\.45\.0\.0\/16\): it is decided when the cluster is made/);
  });
});
