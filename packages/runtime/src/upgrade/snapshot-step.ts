import { join } from 'node:path';
import { timeStamp } from '../etcd/backup-name.ts';
import { etcdIdentity } from '../etcd/identity.ts';
import { takeSnapshot } from '../etcd/take-snapshot.ts';
import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { isPartDone, type UpgradeTarget } from './progress.ts';

export interface SnapshotInput {
  readonly layout: HostLayout;
  readonly seat: Address;
  readonly masters: readonly Address[];
  readonly needs: readonly string[];
  readonly target: UpgradeTarget;
  /** The operator's directories: certificates, and where backups lie. */
  readonly pki: string;
  readonly backups: string;
  readonly hostOf: (address: Address) => Host;
}

/**
 * A verified snapshot of etcd on the operator, before the first control plane is upgraded; `sealos etcd restore` brings it back. Left out
 * where etcd is not the cluster's own.
 */
export function snapshotStep(input: SnapshotInput): Step {
  const { layout, target, hostOf } = input;
  return {
    id: 'upgrade-snapshot',
    title: 'saving etcd before the upgrade',
    hosts: [input.seat],
    needs: input.needs,
    async check(host, { signal }) {
      if (await isPartDone(host, layout, target, 'kubeadm', signal)) return 'done';
      const { exitCode } = await host.run(script`[ -e /etc/kubernetes/manifests/etcd.yaml ]`, {
        title: 'looking for etcd',
        signal,
        allowFailure: true,
      });
      return exitCode === 0 ? { what: `save etcd to ${input.backups}` } : 'done';
    },
    async apply(_host, { signal, onLine }) {
      const masters = input.masters.map(hostOf);
      const path = join(input.backups, `before-${target.to}-${timeStamp(new Date())}.db`);
      const taken = await takeSnapshot({ masters, identity: await etcdIdentity(input.pki, masters, signal), path, signal, warn: onLine });
      onLine(`etcd as it was before the upgrade: ${path} (${taken.host}, etcd ${taken.version}, revision ${taken.revision})`);
    },
  };
}
