import type { ClusterPlanInput } from '../plan/plan-cluster.ts';

/** In place of kubeadm's part of a plan where kubeadm is not asked: steps are only undone, or another makes the cluster. */
export const WITHOUT_KUBEADM: Pick<ClusterPlanInput, 'certificates' | 'kubeadm' | 'joinToken'> = {
  certificates: () => [],
  kubeadm: { init: '', join: new Map(), skipPhaseFlags: { init: [], join: [] }, initOn: () => '' },
  joinToken: '',
};
