import { DISTRIBUTIONS } from '../distribution.ts';
import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { K3sPlan } from '../k3s/k3s-plan.ts';
import { TOKEN_FILES } from '../k3s/tokens.ts';
import type { HostLayout } from '../layout.ts';
import type { Step, StepContext } from '../step.ts';
import { forgetNode } from './forget-node.ts';
import { resetK3s } from './k3s-reset.ts';
import { finishing, inputHash } from './marker.ts';
import { isPartOfCluster, K3S_INIT_MARKER, K3S_JOIN_MARKER } from './membership.ts';

export interface StartingHost {
  readonly address: Address;
  /** Name of its Kubernetes node. */
  readonly node: string;
  readonly controlPlane: boolean;
}

export interface K3sStartInput {
  readonly id: string;
  readonly title: string;
  readonly layout: HostLayout;
  /** The control plane where the cluster begins, or that the hosts join. */
  readonly seat: Address;
  readonly hosts: readonly StartingHost[];
  readonly needs: readonly string[];
  readonly k3s: Pick<K3sPlan, 'config' | 'tokens'>;
  readonly hostOf: (address: Address) => Host;
  readonly timeout: number | undefined;
}

const CONFIG = '/etc/rancher/k3s/config.yaml';
const { kubeconfig } = DISTRIBUTIONS.k3s;
const KUBECTL = script`kubectl --kubeconfig ${kubeconfig}`;

/** Half seconds that k3s may take to serve, and a node to be known. */
const STARTS = 600;

/**
 * Starts the unit `k3s`, which the image's `init` has put there, with the host's own configuration. A start that was cut off goes on with
 * the same tokens and what k3s had made already. One host after the other, as sealos does: every new member of etcd must be there
 * before the next is added.
 */
export function k3sStartStep(input: K3sStartInput): Step {
  const { layout, k3s, seat } = input;
  const of = (host: Host) => {
    const found = input.hosts.find(({ address }) => address.ip === host.address.ip);
    if (!found) throw new Error(`step ${input.id} has no host ${host.name}`);
    return found;
  };
  return {
    id: input.id,
    title: input.title,
    hosts: input.hosts.map(({ address }) => address),
    needs: input.needs,
    serial: true,
    async check(host, { signal }) {
      // Whatever it was made with: k3s that lives is never set up a second time.
      return (await isPartOfCluster(host, layout, signal))
        ? 'done'
        : { what: `start k3s as ${of(host).controlPlane ? 'server' : 'agent'}` };
    },
    async apply(host, context) {
      const { signal, onLine } = context;
      const { controlPlane, node } = of(host);
      const begins = host.address.ip === seat.ip;
      const seatHost = input.hostOf(seat);
      if (!begins) await forgetEarlierLife(host, seatHost, node, context);
      const token = (kind: keyof typeof TOKEN_FILES) => ({
        path: `${layout.etc}/${TOKEN_FILES[kind]}`,
        content: k3s.tokens[kind],
        mode: 0o600,
      });
      const tokens = controlPlane ? [token('server'), token('agent')] : [token('agent')];
      await host.writeFiles([...tokens, { path: CONFIG, content: k3s.config(host.address), mode: 0o600 }], {
        title: "writing k3s' configuration",
        signal,
      });
      await host.run(startScript(controlPlane), { title: 'starting k3s', signal, onLine, timeout: input.timeout });
      await knownNode(seatHost, node, context);
      const marker = begins ? K3S_INIT_MARKER : K3S_JOIN_MARKER;
      await host.run(finishing(script`true`, layout, marker, inputHash(seat.ip)), { title: 'recording the start of k3s', signal });
    },
    undo: resetK3s,
  };
}

/** The unit may wait for its server for ever: it is started without waiting for it, and what it says is shown when the time is up. */
function startScript(controlPlane: boolean) {
  const serves = controlPlane ? script`${KUBECTL} --request-timeout=5s get --raw /readyz >/dev/null 2>&1` : script`true`;
  return script`( systemctl stop k3s && systemctl enable --quiet k3s && systemctl start --no-block k3s || exit
for i in $(seq 1 ${STARTS}); do
  if systemctl is-active --quiet k3s && ${serves}; then exit 0; fi
  sleep 0.5
done
journalctl -u k3s -n 20 --no-pager -o cat >&2
exit 1 )`;
}

/**
 * A server takes a node's name from one host only, whom it knows by a password that lies there. A host that was made anew has none: what
 * the cluster has of its earlier life is taken out of the books first.
 */
async function forgetEarlierLife(host: Host, seat: Host, node: string, { signal, onLine }: StepContext): Promise<void> {
  if ((await host.readFile('/etc/rancher/node/password', { signal })) !== undefined) return;
  await forgetNode(seat, { node, ip: host.address.ip }, { signal, onLine }, kubeconfig);
  await seat.run(script`${KUBECTL} -n kube-system delete secret ${`${node}.node-password.k3s`} --ignore-not-found >/dev/null`, {
    title: `removing the node password of ${node}`,
    signal,
    timeout: 60_000,
  });
}

/** Waits until the API knows the node: images' commands and a later removal count on it. */
async function knownNode(seat: Host, node: string, { signal }: StepContext): Promise<void> {
  await seat.run(
    script`( for i in $(seq 1 ${STARTS}); do
  if ${KUBECTL} --request-timeout=5s get node ${node} >/dev/null 2>&1; then exit 0; fi
  sleep 0.5
done
printf 'k3s runs, but there is no node %s\\n' ${node} >&2
exit 1 )`,
    { title: `waiting for node ${node}`, signal },
  );
}
