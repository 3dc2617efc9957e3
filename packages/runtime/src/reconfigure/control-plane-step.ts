import { SealosError } from '@sealos/image';
import { apiServer, type Component, componentAge, controllerManager, etcd, isHealthy, scheduler } from '../cert/component.ts';
import { eventually } from '../cert/eventually.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { Step } from '../step.ts';
import { finishing, readMarker } from '../steps/marker.ts';
import type { ReconfigureInput } from './reconfigure-steps.ts';

const STEP = 'control-plane-config';
const MANIFESTS = '/etc/kubernetes/manifests';
const TIMEOUT = 6 * 60_000;

const components: readonly Component[] = [etcd, apiServer, controllerManager, scheduler];

/** Waits until parts of the control plane run from the manifests that lie there now, and the API server is ready. */
async function waitForManifests(host: Host, changed: readonly string[], signal: AbortSignal): Promise<void> {
  for (const component of components.filter(({ name }) => changed.includes(name))) {
    const runs = async () => (await componentAge(host, component, [`${MANIFESTS}/${component.name}.yaml`], signal)) === 'newer';
    if (!(await eventually(TIMEOUT, signal, runs))) throw notBack(host, component.name);
  }
  if (!(await eventually(TIMEOUT, signal, () => isHealthy(host, 6443, '/readyz', signal)))) throw notBack(host, apiServer.name);
}

function notBack(host: Host, name: string): SealosError {
  return new SealosError('not-healthy', `${host.name}: ${name} is not well with its new configuration`, {
    hint: `see /var/log/pods/kube-system_${name}-* there; the manifest before is in ${MANIFESTS.replace('manifests', 'before-reconfigure')}; correct the documents and apply again`,
  });
}

/**
 * The parts of the control plane with a new configuration, one host after the other, each well again before the next one's turn. A manifest
 * that stays the same is not touched: its part is not restarted.
 */
export function controlPlaneStep(input: ReconfigureInput): Step {
  const file = `${input.layout.etc}/kubeadm-reconfigure.yaml`;
  return {
    id: STEP,
    title: 'configuring the control planes',
    hosts: input.masters,
    needs: input.needs,
    serial: true,
    async check(host, { signal }) {
      const done = (await readMarker(host, input.layout, STEP, signal)) === input.fingerprint;
      return done ? 'done' : { what: 'kubeadm init phase control-plane, and its pods anew where they change' };
    },
    async apply(host, { signal, onLine }) {
      const kept = '/etc/kubernetes/before-reconfigure';
      await host.writeFiles([{ path: file, content: input.config(host.address), mode: 0o600 }], {
        title: "writing kubeadm's configuration",
        signal,
      });
      const { stdout } = await host.run(
        script`( trap ${`rm -f ${file}`} EXIT
rm -rf ${kept} && mkdir -p -m 0700 ${kept} && cp -a ${MANIFESTS}/kube-apiserver.yaml ${MANIFESTS}/kube-controller-manager.yaml ${MANIFESTS}/kube-scheduler.yaml ${kept}/ || exit
kubeadm init phase control-plane all --config ${file} || exit
${input.etcd ? script`if [ -e ${MANIFESTS}/etcd.yaml ]; then cp -a ${MANIFESTS}/etcd.yaml ${kept}/ && kubeadm init phase etcd local --config ${file} || exit; fi` : script`true`}
for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
  if [ -e ${kept}/"$name.yaml" ] && ! cmp -s ${kept}/"$name.yaml" ${MANIFESTS}/"$name.yaml"; then echo "changed $name"; fi
done )`,
        { title: 'kubeadm init phase control-plane', signal, onLine, timeout: TIMEOUT },
      );
      const changed = stdout.split('\n').flatMap((line) => (line.startsWith('changed ') ? [line.slice('changed '.length)] : []));
      await waitForManifests(host, changed, signal);
      await host.run(finishing(script`rm -rf ${kept}`, input.layout, STEP, input.fingerprint), {
        title: 'recording the configuration',
        signal,
      });
    },
  };
}
