import type { Address, HostFile } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import { atLeast } from '../kubeadm/version.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { finishing } from '../steps/marker.ts';
import { fitClusterConfiguration, fitComponentConfiguration, kubeletConfigMap } from './configuration.ts';
import { isPartDone, partHash, partMarker, type UpgradeTarget } from './progress.ts';

export interface ConfigurationInput {
  readonly layout: HostLayout;
  readonly seat: Address;
  readonly needs: readonly string[];
  readonly from: string;
  readonly target: UpgradeTarget;
  /** Kubeconfig of the administrator whom no rule can restrain, made on the operator; Kubernetes 1.29 brought it. */
  readonly superAdmin: HostFile | undefined;
}

const KUBECTL = script`kubectl --kubeconfig /etc/kubernetes/admin.conf`;

const dataOf = (map: string, key: string): Script =>
  script`${KUBECTL} -n kube-system get configmap ${map} --ignore-not-found -o ${`jsonpath={.data.${key.replaceAll('.', '\\.')}}`}`;

/**
 * What must be as the new version wants it before kubeadm begins: the cluster's configuration without what is gone, and from 1.29 on the
 * group that administrators belong to. kubeadm would make the kubeconfig anew for a year where it finds no `super-admin.conf`.
 */
export function configurationStep(input: ConfigurationInput): Step {
  const { layout, from, target, superAdmin } = input;
  return {
    id: 'upgrade-configuration',
    title: `fitting the cluster's configuration to Kubernetes ${target.to}`,
    hosts: [input.seat],
    needs: input.needs,
    async check(host, { signal }) {
      const done = await isPartDone(host, layout, target, 'configuration', signal);
      return done ? 'done' : { what: 'take out settings that the new version does not know' };
    },
    async apply(host, { signal, onLine }) {
      const read = async (map: string, key: string) =>
        (await host.run(dataOf(map, key), { title: `reading the ConfigMap ${map}`, signal, timeout: 60_000 })).stdout;
      const changes: { readonly map: string; readonly key: string; readonly text: string | undefined }[] = [];
      const cluster = await read('kubeadm-config', 'ClusterConfiguration');
      changes.push({ map: 'kubeadm-config', key: 'ClusterConfiguration', text: fitClusterConfiguration(cluster, target.to) });
      for (const [map, key, kind] of [
        [kubeletConfigMap(from), 'kubelet', 'KubeletConfiguration'],
        ['kube-proxy', 'config.conf', 'KubeProxyConfiguration'],
      ] as const) {
        const text = await read(map, key);
        if (text.trim() !== '') changes.push({ map, key, text: fitComponentConfiguration(kind, text, target.to) });
      }
      for (const { map, key, text } of changes) {
        if (text === undefined) continue;
        const patch = JSON.stringify({ data: { [key]: text } });
        await host.run(script`${KUBECTL} -n kube-system patch configmap ${map} --type merge -p ${patch} >/dev/null`, {
          title: `fitting the ConfigMap ${map} to Kubernetes ${target.to}`,
          signal,
          onLine,
          timeout: 60_000,
        });
      }
      const identities = atLeast(target.to, '1.29');
      if (identities && superAdmin && (await host.readFile(superAdmin.path, { signal })) === undefined) {
        await host.writeFiles([superAdmin], { title: 'placing super-admin.conf', signal });
      }
      const binding = script`if ! ${KUBECTL} get clusterrolebinding kubeadm:cluster-admins >/dev/null 2>&1; then
  ${KUBECTL} create clusterrolebinding kubeadm:cluster-admins --clusterrole=cluster-admin --group=kubeadm:cluster-admins >/dev/null
fi`;
      await host.run(finishing(identities ? binding : script`true`, layout, partMarker(target, 'configuration'), partHash(target)), {
        title: 'binding the group of administrators',
        signal,
        timeout: 60_000,
      });
    },
  };
}
