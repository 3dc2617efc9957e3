import type { Address } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import { hostsEntryRemovalScript, hostsEntryScript } from '../registry-config/hosts-file.ts';
import type { Step } from '../step.ts';
import { finishing, inputHash, readMarker } from './marker.ts';

const STEP = 'own-api-name';

/**
 * From here on a control plane that joined finds its own API under the API's name. Pods in the host's network that started before took
 * a copy of `/etc/hosts` along, which leads to the control plane that let this one in, for as long as they live: they are made anew.
 */
export function ownApiStep(input: {
  readonly layout: HostLayout;
  readonly masters: readonly Address[];
  readonly apiName: string;
  readonly needs: readonly string[];
}): Step {
  const hashOf = (ip: string) => inputHash(input.apiName, ip);
  return {
    id: STEP,
    title: 'naming each control plane its own API',
    hosts: input.masters,
    needs: input.needs,
    async check(host, { signal }) {
      const done = (await readMarker(host, input.layout, STEP, signal)) === hashOf(host.address.ip);
      return done ? 'done' : { what: `${input.apiName} -> ${host.address.ip} in /etc/hosts` };
    },
    async apply(host, { signal, onLine }) {
      const { ip } = host.address;
      await host.run(hostsEntryScript(input.apiName, ip), { title: 'writing /etc/hosts', signal });
      const pods =
        'jsonpath={range .items[?(@.spec.hostNetwork==true)]}{.metadata.namespace} {.metadata.name} {.metadata.ownerReferences[0].kind}{"\\n"}{end}';
      const remake = script`export KUBECONFIG=/etc/kubernetes/admin.conf
node=$(hostname | tr '[:upper:]' '[:lower:]')
for i in $(seq 1 60); do
  if pods=$(kubectl get pods -A --field-selector "spec.nodeName=$node" -o ${pods} 2>&1); then break; fi
  if [ "$i" = 60 ]; then printf '%s\\n' "$pods" >&2; exit 1; fi
  sleep 1
done
while read -r namespace pod owner; do
  # The control plane's own pods are the kubelet's, and find the API by its address.
  if [ -z "$pod" ] || [ "$owner" = Node ]; then continue; fi
  kubectl -n "$namespace" delete pod "$pod" --wait=false --ignore-not-found || exit
done <<<"$pods"`;
      await host.run(finishing(remake, input.layout, STEP, hashOf(ip)), {
        title: 'making pods of the host network anew',
        signal,
        onLine,
        timeout: 180_000,
      });
    },
    async undo(host, { signal }) {
      await host.run(hostsEntryRemovalScript(input.apiName), { title: 'cleaning /etc/hosts', signal });
    },
  };
}
