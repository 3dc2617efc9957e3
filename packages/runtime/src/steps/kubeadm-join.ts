import type { Address, Host } from '../host/host.ts';
import { script, secret } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { resetKubeadm, resetPartialKubeadm } from './kubeadm-init.ts';
import { finishing, inputHash, readMarker } from './marker.ts';

export interface KubeadmJoinInput {
  readonly layout: HostLayout;
  readonly master0: Address;
  readonly workers: readonly Address[];
  readonly needs: readonly string[];
  readonly hostOf: (address: Address) => Host;
  /** `kubeadm join`'s whole configuration for one worker: a secret, it holds the token. */
  readonly config: (worker: Address) => string;
  readonly skipPhaseFlags: readonly string[];
  /** The bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`. */
  readonly token: string;
  readonly ignorePreflightErrors: readonly string[];
  readonly timeout: number | undefined;
}

export const JOIN_MARKER = 'kubeadm-join';
const TOKEN_MINUTES = 60;

/** Lets the token in for an hour. It goes to master0 on standard input: it is in no argument list. */
async function admitToken(master0: Host, token: string, signal: AbortSignal): Promise<void> {
  const [id, key] = token.split('.');
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
  await master0.run(script`printf %s ${secret(manifest)} | kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - >/dev/null`, {
    title: 'making a join token',
    signal,
    timeout: 60_000,
  });
}

/** `kubeadm join` on the workers, all at once. */
export function kubeadmJoinStep(input: KubeadmJoinInput): Step {
  let admitted: Promise<void> | undefined;
  const configPath = `${input.layout.etc}/kubeadm-join-node.yaml`;
  return {
    id: JOIN_MARKER,
    title: 'joining the workers',
    hosts: input.workers,
    needs: input.needs,
    async check(host, { signal }) {
      return (await readMarker(host, input.layout, JOIN_MARKER, signal)) ? 'done' : { what: 'kubeadm join' };
    },
    async apply(host, { signal, onLine }) {
      admitted ??= admitToken(input.hostOf(input.master0), input.token, signal);
      await admitted;
      await host.run(resetPartialKubeadm(), { title: 'clearing an interrupted kubeadm run', signal, onLine });
      await host.writeFiles([{ path: configPath, content: input.config(host.address), mode: 0o600 }], {
        title: "writing kubeadm's configuration",
        signal,
      });
      const ignore = `--ignore-preflight-errors=${['SystemVerification', ...input.ignorePreflightErrors].join(',')}`;
      await host.run(
        finishing(
          // The file holds the token: it goes whether the join succeeds or not.
          script`trap ${`rm -f ${configPath}`} EXIT
kubeadm join --config ${configPath} ${input.skipPhaseFlags} ${ignore}`,
          input.layout,
          JOIN_MARKER,
          inputHash(input.master0.ip),
        ),
        { title: 'kubeadm join', signal, onLine, timeout: input.timeout },
      );
    },
    undo: resetKubeadm,
  };
}
