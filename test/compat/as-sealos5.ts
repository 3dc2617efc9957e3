// A stand-in for a cluster that sealos 5.0 made: that program is not to be had where the tests run. A cluster of this program, of an image like
// the published ones, loses everything that only this program leaves, and gets the state that sealos 5.0 writes (sealos-interop.md §4, §5.1).
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseClusterfile } from '@sealos/runtime';
import { runProgram } from '../../scripts/cluster-images.ts';
import type { LabCluster } from './lab-cluster.ts';

/** Where sealos 5 keeps its state on its operator, and its copies on the control planes. */
export const SEALOS5_HOME = '/root/.sealos/default';

/** On every host; the rules of the kernel are the guard's from then on, a static pod that sealos 5 has too. */
const STRIP = `set -e
rm -rf /var/lib/sealos/data/default/.sealos /var/lib/sealos/data/default/.incoming
if [ -e /etc/systemd/system/sealos-api-address.service ]; then
  systemctl disable --quiet sealos-api-address.service
  rm -rf /etc/systemd/system/sealos-api-address.service /var/lib/sealos/data/default/api-address /run/sealos-api-address
  systemctl daemon-reload
  systemctl reset-failed
fi
rm -rf /usr/bin/sealos /root/.sealos
sed -i '/ sealos:default:/d' /root/.ssh/authorized_keys
if [ -e /root/.ssh/known_hosts ]; then sed -i '/ sealos:default:/d' /root/.ssh/known_hosts; [ -s /root/.ssh/known_hosts ] || rm /root/.ssh/known_hosts; fi`;

/** Makes the cluster one of sealos 5: the operator's state is gone, what it was lies on the first control plane as sealos 5 puts it. */
export async function becomeSealos5({ hosts, on, state, work, lab, host }: LabCluster): Promise<void> {
  const home = join(work, 'sealos5');
  const own = join(state, 'default');
  mkdirSync(join(home, 'etc'), { recursive: true });
  cpSync(join(own, 'pki'), join(home, 'pki'), { recursive: true });
  for (const name of ['admin.conf', 'controller-manager.conf', 'scheduler.conf', 'kubelet.conf', 'registry_htpasswd'])
    cpSync(join(own, 'etc', name), join(home, 'etc', name));
  writeFileSync(join(home, 'Clusterfile'), clusterfileOf5(readFileSync(join(own, 'Clusterfile'), 'utf8')));
  await on(0, 'kubectl -n kube-system delete secret sealos-clusterfile');
  for (const index of hosts.keys()) await on(index, STRIP);
  await on(0, `mkdir -p ${SEALOS5_HOME}`);
  const [program = '', ...args] = await lab.ssh(host(0).name, [`tar -C ${SEALOS5_HOME} -xf -`]);
  const command = [program, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  await runProgram(['bash', '-c', `tar -C '${home}' -cf - . | ${command}`], { onLine: () => {} });
  for (const directory of [own, home]) rmSync(directory, { recursive: true });
}

/** The Clusterfile in the form of sealos 5.0: times, passwords in the clear, addresses with ports, working containers' names and places. */
function clusterfileOf5(text: string): string {
  const { cluster } = parseClusterfile(text, { name: 'state' });
  const env = (map: ReadonlyMap<string, string>) => [...map].map(([key, value]) => `${key}=${value}`);
  const container = (name: string) => `default-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
  const now = '2024-10-01T08:00:00Z';
  const document = {
    apiVersion: 'apps.sealos.io/v1beta1',
    kind: 'Cluster',
    metadata: { creationTimestamp: now, name: cluster.name },
    spec: {
      hosts: cluster.hosts.map((group) => ({
        ips: group.ips.map(({ ip, port }) => `${ip}:${port}`),
        roles: [...group.roles, 'amd64'],
        ...(group.env.size === 0 ? {} : { env: env(group.env) }),
      })),
      image: cluster.images,
      ssh: { passwd: 'of-another-time', pk: '/root/.ssh/id_rsa', port: 22 },
    },
    status: {
      conditions: [
        {
          lastHeartbeatTime: now,
          message: 'Applied to cluster successfully',
          reason: 'Ready',
          status: 'True',
          type: 'ApplyClusterSuccess',
        },
      ],
      mounts: cluster.status.mounts.map(({ imageName, type, env: variables, labels, cmd, entrypoint }) => ({
        cmd,
        ...(entrypoint.length === 0 ? {} : { entrypoint }),
        env: { ...Object.fromEntries(variables), registryPassword: 'passw0rd' },
        imageName,
        labels,
        mountPoint: `/var/lib/containers/storage/overlay/${createHash('sha256').update(imageName).digest('hex')}/merged`,
        name: container(imageName),
        type,
      })),
      phase: 'ClusterSuccess',
    },
  };
  return `${JSON.stringify(document)}\n`;
}
