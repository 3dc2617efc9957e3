import * as v from 'valibot';
import type { Change, KubeadmEffect } from '../changes/change.ts';
import { refuseImpossible } from '../changes/changes-between.ts';
import { kubeadmChanges } from '../changes/kubeadm-changes.ts';
import type { Clusterfile } from '../cluster/cluster.ts';
import { parseClusterfile } from '../cluster/clusterfile.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { KubeadmDocument } from '../kubeadm/document.ts';
import { liveApiNames } from '../kubeadm/live-names.ts';
import type { ClusterPlanInput } from '../plan/plan-cluster.ts';
import { kubeadmBase } from '../run/kubeadm-base.ts';
import type { LoadedImage } from '../run/load-image.ts';
import { rootfsOf } from '../run/prepare.ts';
import type { Step } from '../step.ts';
import { CLUSTERFILE_KEY, STATE_SECRET } from '../steps/cluster-state.ts';
import { inputHash } from '../steps/marker.ts';
import { reconfigureSteps } from './reconfigure-steps.ts';

export interface PrepareReconfigureInput {
  readonly stored: Clusterfile;
  /** What the documents shall be. */
  readonly documents: readonly KubeadmDocument[];
  readonly input: ClusterPlanInput;
  readonly images: readonly LoadedImage[];
  readonly needs: readonly string[];
  readonly signal: AbortSignal;
}

const secretSchema = v.object({ data: v.record(v.string(), v.string()) });

/**
 * The documents that the cluster was last brought to: those of the copy of the state in the cluster, which is written when all else is
 * done. The operator's own state already names what a call that was cut off had begun.
 */
async function appliedDocuments(seat: Host, stored: Clusterfile, signal: AbortSignal): Promise<readonly KubeadmDocument[]> {
  const { stdout } = await seat.run(
    script`kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout=20s -n kube-system get secret ${STATE_SECRET} --ignore-not-found -o json`,
    { title: "reading the cluster's state", signal, timeout: 60_000 },
  );
  if (stdout.trim() === '') return stored.kubeadm;
  const text = v.parse(secretSchema, JSON.parse(stdout)).data[CLUSTERFILE_KEY];
  if (text === undefined) return stored.kubeadm;
  return parseClusterfile(Buffer.from(text, 'base64').toString(), { name: STATE_SECRET }).kubeadm;
}

/**
 * What changed kubeadm documents mean for a cluster that stands, as steps; none where nothing of them differs. Throws bad input for what is
 * decided once, when a cluster is made.
 */
export async function prepareReconfigure(options: PrepareReconfigureInput): Promise<readonly Step[]> {
  const { stored, documents, input, images, signal } = options;
  if (stored.kubeadm.length === 0 && documents.length === 0) return [];
  const seat = input.hostOf(input.seat);
  const applied = await appliedDocuments(seat, stored, signal);
  const base = kubeadmBase(images, rootfsOf(images), input.master0.ip);
  const changes = kubeadmChanges(applied, documents, base);
  refuseImpossible(changes, stored.cluster.name);
  const effects = new Set(changes.flatMap(({ effect }: Change): readonly KubeadmEffect[] => (effect === undefined ? [] : [effect])));
  if (effects.size === 0) return [];
  const members = input.hosts.filter(({ member }) => member);
  // Names that API servers have stay: `sealos cert` keeps them there.
  const names = await liveApiNames(seat, signal);
  return reconfigureSteps({
    layout: input.layout,
    seat: input.seat,
    masters: members.filter(({ roles }) => roles.includes('master')).map(({ address }) => address),
    members: members.map(({ address }) => address),
    effects,
    etcd: changes.some(({ subject }) => subject.startsWith('ClusterConfiguration etcd.')),
    config: (master) => input.kubeadm.initOn(master, names),
    fingerprint: inputHash(documents),
    needs: options.needs,
  });
}
