import type { Address, Host } from '../host/host.ts';
import type { Plan, Step } from '../step.ts';
import { RESTORE_STAGE } from './etcd-pod.ts';
import type { EtcdIdentity } from './identity.ts';
import {
  apiServes,
  etcdServes,
  isApiBack,
  isEtcdBack,
  isStopped,
  restartWatchers,
  startApi,
  startEtcd,
  stopControlPlane,
  waitForApi,
  waitForEtcd,
} from './restore-control-plane.ts';
import {
  dataStage,
  forgetRestore,
  placeData,
  prepareData,
  prepareTodo,
  type RestoreOperation,
  type RestoreTarget,
} from './restore-prepare.ts';
import type { SnapshotFile } from './snapshot-file.ts';

export interface RestorePlanInput {
  readonly operation: RestoreOperation;
  readonly snapshot: SnapshotFile;
  /** By the address of each control-plane host that takes part. */
  readonly targets: ReadonlyMap<string, RestoreTarget>;
  readonly masters: readonly Address[];
  /** All hosts whose kubelet watches the API. */
  readonly everyone: readonly Address[];
  readonly identity: EtcdIdentity;
}

/**
 * A restore as steps. Each is done on all masters before the next begins on any, and it is this order that makes it safe to be killed
 * anywhere: nothing is stopped before everything is prepared, and no member starts before all have the new data, so that members of
 * before and of after never meet. What is done is read from each host.
 */
export function restorePlan({ operation, snapshot, targets, masters, everyone, identity }: RestorePlanInput): Plan {
  const targetOf = (host: Host): RestoreTarget => {
    const target = targets.get(host.address.ip);
    if (!target) throw new Error(`${host.name} takes no part in the restore`);
    return target;
  };
  const stage = (host: Host, signal: AbortSignal) => dataStage(host, targetOf(host).pod, operation, signal);
  const steps: Step[] = [
    {
      id: 'etcd-prepare',
      title: "making etcd's data from the snapshot",
      hosts: masters,
      needs: [],
      async check(host, { signal }) {
        return (await stage(host, signal)) === 'absent' ? prepareTodo(snapshot) : 'done';
      },
      apply: (host, context) => prepareData(host, snapshot, operation, targetOf(host), context),
    },
    {
      id: 'etcd-stop',
      title: 'stopping the control plane',
      hosts: masters,
      needs: ['etcd-prepare'],
      async check(host, { signal }) {
        const stopped = (await stage(host, signal)) === 'placed' || (await isStopped(host, targetOf(host).pod, signal));
        return stopped ? 'done' : { what: 'stop the API server and etcd' };
      },
      apply: (host, context) => stopControlPlane(host, targetOf(host).pod, context),
    },
    {
      id: 'etcd-place',
      title: 'exchanging the data',
      hosts: masters,
      needs: ['etcd-stop'],
      async check(host, { signal }) {
        return (await stage(host, signal)) === 'placed' ? 'done' : { what: "put etcd's data aside and the restored data in its place" };
      },
      apply: (host, context) => placeData(host, operation, targetOf(host), context),
    },
    {
      id: 'etcd-start',
      title: 'starting etcd',
      hosts: masters,
      needs: ['etcd-place'],
      check: async (host, { signal }) => ((await isEtcdBack(host, signal)) ? 'done' : { what: 'start etcd' }),
      apply: startEtcd,
    },
    {
      id: 'etcd-wait',
      title: 'waiting for etcd',
      hosts: masters,
      needs: ['etcd-start'],
      check: async (host, { signal }) => ((await etcdServes(host, identity, signal)) ? 'done' : { what: 'wait until etcd has a quorum' }),
      apply: (host, { signal }) => waitForEtcd(host, identity, signal),
    },
    {
      id: 'api-start',
      title: 'starting the API server',
      hosts: masters,
      needs: ['etcd-wait'],
      check: async (host, { signal }) => ((await isApiBack(host, signal)) ? 'done' : { what: 'start the API server' }),
      apply: startApi,
    },
    {
      id: 'api-wait',
      title: 'waiting for the API server',
      hosts: masters,
      needs: ['api-start'],
      check: async (host, { signal }) => ((await apiServes(host, signal)) ? 'done' : { what: 'wait until the API server is ready' }),
      apply: waitForApi,
    },
    {
      id: 'watchers',
      title: 'restarting what watches the API',
      hosts: everyone,
      needs: ['api-wait'],
      check: async () => ({ what: 'restart the kubelet and the pods of kube-system' }),
      apply: restartWatchers,
    },
  ];
  return { steps };
}

/** What remains on a host when all is restored; failing at it fails nothing. */
export function tidyHost(host: Host, target: RestoreTarget, signal: AbortSignal): Promise<void> {
  return forgetRestore(host, target, RESTORE_STAGE, signal);
}
