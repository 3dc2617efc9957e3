import { SealosError } from '@sealos/image';
import { eventually } from '../cert/eventually.ts';
import { script } from '../host/script.ts';
import { httpOverHost } from '../status/http-over-host.ts';
import type { Step } from '../step.ts';
import { finishing, readMarker } from '../steps/marker.ts';
import type { ReconfigureInput } from './reconfigure-steps.ts';

const STEP = 'kubelet-config';
const TIMEOUT = 3 * 60_000;

/** Every kubelet with the configuration that the cluster keeps, host after host; each is well again before the next one's turn. Pods go on meanwhile. */
export function kubeletStep(input: ReconfigureInput): Step {
  return {
    id: STEP,
    title: 'configuring the kubelets',
    hosts: input.members,
    needs: input.needs,
    serial: true,
    async check(host, { signal }) {
      const done = (await readMarker(host, input.layout, STEP, signal)) === input.fingerprint;
      return done ? 'done' : { what: 'kubeadm upgrade node phase kubelet-config, and the kubelet anew' };
    },
    async apply(host, { signal, onLine }) {
      await host.run(
        script`cp -a /var/lib/kubelet/config.yaml /var/lib/kubelet/config.yaml.before-reconfigure &&
kubeadm upgrade node phase kubelet-config && systemctl restart kubelet`,
        {
          title: 'kubeadm upgrade node phase kubelet-config',
          signal,
          onLine,
          timeout: TIMEOUT,
        },
      );
      const well = async () => {
        try {
          const stop = AbortSignal.any([signal, AbortSignal.timeout(10_000)]);
          return (await httpOverHost(host, { ip: '127.0.0.1', port: 10248, path: '/healthz', secure: false, signal: stop })).status === 200;
        } catch {
          signal.throwIfAborted();
          return false;
        }
      };
      if (!(await eventually(TIMEOUT, signal, well))) {
        throw new SealosError('not-healthy', `${host.name}: the kubelet does not come up with its new configuration`, {
          hint: 'see journalctl -u kubelet there; /var/lib/kubelet/config.yaml.before-reconfigure is what it had; correct the documents and apply again',
        });
      }
      await host.run(finishing(script`rm -f /var/lib/kubelet/config.yaml.before-reconfigure`, input.layout, STEP, input.fingerprint), {
        title: 'recording the configuration',
        signal,
      });
    },
  };
}
