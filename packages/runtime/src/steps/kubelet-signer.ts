import { setTimeout as pause } from 'node:timers/promises';
import * as v from 'valibot';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { issueCertificate, type KeyPair } from '../pki/certificate.ts';
import { type CertificateRequest, readRequest } from '../pki/request.ts';

/** Signs the first certificates of kubelets that join. */
export interface KubeletSigner {
  /** Looks out for the request of a node's kubelet until it is signed or what is given back is disposed of. Never fails a join. */
  expect(node: string, signal: AbortSignal): Disposable;
}

export interface KubeletSignerInput {
  /** A control plane that stands. */
  readonly seat: () => Host;
  /** The cluster's authority, with its key. */
  readonly authority: KeyPair;
  /** The bootstrap token's first half, under which the kubelets come. */
  readonly tokenId: string;
}

/** Milliseconds from one look to the next. */
const INTERVAL = 500;
const TIMEOUT = 30_000;
const KUBECTL = script`kubectl --kubeconfig /etc/kubernetes/admin.conf`;
const SIGNER = 'kubernetes.io/kube-apiserver-client-kubelet';
const USAGES = ['key encipherment', 'digital signature', 'client auth'];

const requestSchema = v.object({
  metadata: v.object({ name: v.string() }),
  spec: v.object({
    request: v.string(),
    username: v.string(),
    signerName: v.string(),
    usages: v.array(v.string()),
  }),
  status: v.optional(
    v.object({ certificate: v.optional(v.string()), conditions: v.optional(v.array(v.object({ type: v.string() })), []) }),
    {},
  ),
});
const listSchema = v.pipe(v.string(), v.parseJson(), v.object({ items: v.array(requestSchema) }));
const objectSchema = v.pipe(v.string(), v.parseJson(), v.looseObject({ apiVersion: v.string(), status: v.looseObject({}) }));

type SigningRequest = v.InferOutput<typeof requestSchema>;

/**
 * What the controller manager does with the requests of kubelets, for a cluster that has just begun: its controllers start one after the other there,
 * in no certain order, and one of them makes the others wait ten seconds, in which no host could join. It signs only what comes with the
 * cluster's own join token, for a node that is joining at this moment, and asks for no more than a kubelet needs; and it stops for good as soon
 * as the controller manager has signed anything.
 */
export function kubeletSigner(input: KubeletSignerInput): KubeletSigner {
  const awaited = new Set<string>();
  let state: 'idle' | 'looking' | 'over' = 'idle';
  const look = async (signal: AbortSignal) => {
    state = 'looking';
    try {
      while (awaited.size > 0) {
        if (await signRequests(input, awaited, signal)) {
          state = 'over';
          return;
        }
        await pause(INTERVAL, undefined, { signal });
      }
      state = 'idle';
    } catch {
      // The controller manager will sign, only later.
      state = 'over';
    }
  };
  return {
    expect(node, signal) {
      awaited.add(node);
      if (state === 'idle') void look(signal);
      return { [Symbol.dispose]: () => void awaited.delete(node) };
    },
  };
}

/** Signs what is there for the nodes that are awaited, and takes them out of the set. Returns whether the cluster signs by itself. */
async function signRequests({ seat, authority, tokenId }: KubeletSignerInput, awaited: Set<string>, signal: AbortSignal): Promise<boolean> {
  const host = seat();
  const { stdout } = await host.run(script`${KUBECTL} get csr -o json`, {
    title: 'looking for requests of kubelets',
    signal,
    timeout: TIMEOUT,
    allowFailure: true,
  });
  const list = v.safeParse(listSchema, stdout);
  if (!list.success) return false;
  for (const item of list.output.items) {
    if (item.spec.username !== `system:bootstrap:${tokenId}`) continue;
    const request = readRequest(Buffer.from(item.spec.request, 'base64').toString());
    const node = request && [...awaited].find((name) => request.commonName === `system:node:${name}`);
    if (!node || !isOfKubelet(item, request)) continue;
    if (item.status.certificate !== undefined) return true;
    const profile = { commonName: request.commonName, organizations: request.organizations, usages: ['client'] as const, sans: [] };
    await sign(host, item.metadata.name, issueCertificate(profile, request.publicKey, authority).cert, signal);
    awaited.delete(node);
  }
  return false;
}

function isOfKubelet({ spec, status }: SigningRequest, { organizations }: CertificateRequest): boolean {
  return (
    spec.signerName === SIGNER &&
    organizations.length === 1 &&
    organizations[0] === 'system:nodes' &&
    spec.usages.includes('client auth') &&
    spec.usages.every((usage) => USAGES.includes(usage)) &&
    status.conditions.every(({ type }) => type === 'Approved')
  );
}

async function sign(host: Host, name: string, certificate: string, signal: AbortSignal): Promise<void> {
  const { stdout } = await host.run(script`${KUBECTL} certificate approve ${name} >/dev/null && ${KUBECTL} get csr ${name} -o json`, {
    title: `approving ${name}`,
    signal,
    timeout: TIMEOUT,
  });
  const object = v.parse(objectSchema, stdout);
  const signed = JSON.stringify({ ...object, status: { ...object.status, certificate: Buffer.from(certificate).toString('base64') } });
  const path = `/apis/${object.apiVersion}/certificatesigningrequests/${name}/status`;
  await host.run(script`printf %s ${signed} | ${KUBECTL} replace --raw ${path} -f - >/dev/null`, {
    title: `signing ${name}`,
    signal,
    timeout: TIMEOUT,
  });
}
