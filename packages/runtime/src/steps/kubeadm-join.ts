import * as v from 'valibot';
import { leaveEtcd } from '../etcd/leave.ts';
import type { Address, Host } from '../host/host.ts';
import { script, secret } from '../host/script.ts';
import { clusterInfoSignature } from '../kubeadm/cluster-info.ts';
import type { HostLayout } from '../layout.ts';
import type { Step, StepContext } from '../step.ts';
import { forgetNode } from './forget-node.ts';
import { resetKubeadm, resetPartialKubeadm } from './kubeadm-reset.ts';
import type { KubeletSigner } from './kubelet-signer.ts';
import { finishing, inputHash } from './marker.ts';
import { isPartOfCluster, JOIN_MARKER } from './membership.ts';

export interface JoiningHost {
  readonly address: Address;
  /** Name of its Kubernetes node. */
  readonly node: string;
}

export interface KubeadmJoinInput {
  readonly id: string;
  readonly title: string;
  readonly layout: HostLayout;
  /** The control plane that lets the hosts in. */
  readonly seat: Address;
  /** The cluster was made in the same plan: nothing of an earlier life of these hosts can be in its books. */
  readonly begins: boolean;
  readonly hosts: readonly JoiningHost[];
  /** Control planes join one after the other: every new member of etcd must be there before the next is added. */
  readonly controlPlane: boolean;
  readonly needs: readonly string[];
  readonly hostOf: (address: Address) => Host;
  /** `kubeadm join`'s whole configuration for one host: a secret, it holds the token. */
  readonly config: (address: Address) => string;
  readonly skipPhaseFlags: readonly string[];
  /** Lets the token of the configurations in. */
  readonly admit: (signal: AbortSignal) => Promise<void>;
  /** Signs the kubelets' first certificates where nobody else does yet. */
  readonly signer: KubeletSigner | undefined;
  readonly ignorePreflightErrors: readonly string[];
  readonly timeout: number | undefined;
}

const TOKEN_MINUTES = 60;

const clusterInfoSchema = v.pipe(v.string(), v.parseJson(), v.object({ data: v.record(v.string(), v.string()) }));

/** Lets a bootstrap token (`[a-z0-9]{6}.[a-z0-9]{16}`) in for an hour, once in a plan however many hosts join. */
export function tokenAdmission(seat: () => Host, token: string): (signal: AbortSignal) => Promise<void> {
  let admitted: Promise<void> | undefined;
  return (signal) => {
    admitted ??= admitToken(seat(), token, signal);
    return admitted;
  };
}

const KUBECTL = script`kubectl --kubeconfig /etc/kubernetes/admin.conf`;

/**
 * The token goes to the control plane on standard input: it is in no argument list. `cluster-info` is signed with it at once: in a cluster that
 * has just begun, the controller that signs is there only some ten seconds later, and hosts that join would wait for it.
 */
async function admitToken(seat: Host, token: string, signal: AbortSignal): Promise<void> {
  const [id = '', key = ''] = token.split('.');
  const manifest = JSON.stringify({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `bootstrap-token-${id}`, namespace: 'kube-system' },
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': id,
      'token-secret': key,
      expiration: new Date(Date.now() + TOKEN_MINUTES * 60_000).toISOString().replace(/\.\d+Z$/, 'Z'),
      'usage-bootstrap-authentication': 'true',
      'usage-bootstrap-signing': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
    },
  });
  const { stdout } = await seat.run(
    script`printf %s ${secret(manifest)} | ${KUBECTL} apply -f - >/dev/null && { ${KUBECTL} -n kube-public get configmap cluster-info --ignore-not-found -o json || true; }`,
    { title: 'making a join token', signal, timeout: 60_000 },
  );
  const name = `jws-kubeconfig-${id}`;
  const info = v.safeParse(clusterInfoSchema, stdout);
  const kubeconfig = info.success ? info.output.data['kubeconfig'] : undefined;
  if (!info.success || kubeconfig === undefined || info.output.data[name] !== undefined) return;
  const patch = JSON.stringify({ data: { [name]: clusterInfoSignature(kubeconfig, { id, secret: key }) } });
  await seat.run(script`${KUBECTL} -n kube-public patch configmap cluster-info --type merge -p ${patch} >/dev/null`, {
    title: 'signing what joining hosts are told of the cluster',
    signal,
    timeout: 60_000,
    // The cluster's own signer does the same, only later.
    allowFailure: true,
  });
}

/** `kubeadm join` of control planes or of workers. */
export function kubeadmJoinStep(input: KubeadmJoinInput): Step {
  const configPath = `${input.layout.etc}/kubeadm-join.yaml`;
  /** An earlier life of a host, or a join that was cut off, may still be in the cluster's books. */
  const forgetEarlierLife = async (host: Host, watch: Pick<StepContext, 'signal' | 'onLine'>) => {
    const { ip } = host.address;
    const seat = input.hostOf(input.seat);
    if (input.controlPlane) await leaveEtcd(seat, ip, watch);
    await forgetNode(seat, { node: nodeOf(host), ip }, watch);
  };
  const nodeOf = (host: Host) => input.hosts.find(({ address }) => address.ip === host.address.ip)?.node ?? host.name;
  return {
    id: input.id,
    title: input.title,
    hosts: input.hosts.map(({ address }) => address),
    needs: input.needs,
    serial: input.controlPlane,
    async check(host, { signal }) {
      return (await isPartOfCluster(host, input.layout, signal)) ? 'done' : { what: 'kubeadm join' };
    },
    async apply(host, { signal, onLine }) {
      await input.admit(signal);
      await host.run(resetPartialKubeadm(), { title: 'clearing an interrupted kubeadm run', signal, onLine });
      if (!input.begins) await forgetEarlierLife(host, { signal, onLine });
      await host.writeFiles([{ path: configPath, content: input.config(host.address), mode: 0o600 }], {
        title: "writing kubeadm's configuration",
        signal,
      });
      const ignore = `--ignore-preflight-errors=${['SystemVerification', ...input.ignorePreflightErrors].join(',')}`;
      using _signing = input.signer?.expect(nodeOf(host), signal);
      await host.run(
        finishing(
          // The file holds the token: it goes whether the join succeeds or not.
          script`trap ${`rm -f ${configPath}`} EXIT
kubeadm join --config ${configPath} ${input.skipPhaseFlags} ${ignore}`,
          input.layout,
          JOIN_MARKER,
          inputHash(input.seat.ip),
        ),
        { title: 'kubeadm join', signal, onLine, timeout: input.timeout },
      );
    },
    undo: resetKubeadm,
  };
}
