import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SealosError } from '@sealos/image';
import { stringify } from 'yaml';
import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { generateKey, issueCertificate, type KeyPair, privateKeyPem } from '../pki/certificate.ts';
import type { Step } from '../step.ts';
import { type FoundCertificate, KUBELET_PKI, readCertificates } from './read-certificates.ts';

export interface KubeletHost {
  readonly address: Address;
  readonly nodeName: string;
}

export interface KubeletStepInput {
  readonly id: string;
  readonly needs: readonly string[];
  readonly hosts: readonly KubeletHost[];
  /** The operator's directory of the cluster: the authority that signs is in its `pki`. */
  readonly home: string;
  /** Where a kubelet that has no kubeconfig of its own to tell finds the API. */
  readonly server: string;
  /** Whether a client certificate of that host has to be made anew. */
  readonly isDue: (host: Host, certificate: X509Certificate) => boolean;
}

const CURRENT = `${KUBELET_PKI}/kubelet-client-current.pem`;
const KUBECONFIG = '/etc/kubernetes/kubelet.conf';
const START_TIMEOUT = 2 * 60_000;

/**
 * New client certificates for kubelets, one host after the other. A kubelet renews its own in time while it runs; this is for one that
 * could not. Its containers run on while it is restarted. A serving certificate that it made for itself is made anew by it.
 */
export function kubeletStep(input: KubeletStepInput): Step {
  const nodeOf = (host: Host) => input.hosts.find(({ address }) => address.ip === host.address.ip)?.nodeName ?? '';
  return {
    id: input.id,
    title: 'renewing the client certificates of the kubelets',
    hosts: input.hosts.map(({ address }) => address),
    needs: input.needs,
    serial: true,
    async check(host, { signal }) {
      const found = clientOf(await readCertificates(host, signal));
      if (found === undefined) return { what: 'make a client certificate and restart the kubelet' };
      const certificate = parsed(found.pem);
      const ca = new X509Certificate(await readFile(join(input.home, 'pki', 'ca.crt')));
      const fits = certificate?.checkIssued(ca) && certificate.verify(ca.publicKey) && found.hasOwnKey !== false;
      if (certificate && fits && !input.isDue(host, certificate)) {
        const { stdout } = await host.run(script`systemctl is-active kubelet || true`, { title: 'asking for the kubelet', signal });
        return stdout.trim() === 'active' ? 'done' : { what: 'start the kubelet' };
      }
      return { what: 'renew the client certificate and restart the kubelet' };
    },
    async apply(host, { signal, onLine }) {
      const authority = await readAuthority(input.home);
      const user = `system:node:${nodeOf(host)}`;
      const pair = issueCertificate(
        { commonName: user, organizations: ['system:nodes'], usages: ['client'], sans: [] },
        await generateKey(),
        authority,
      );
      const stamp = new Date().toISOString().slice(0, 19).replaceAll(/[T:]/g, '-');
      const path = `${KUBELET_PKI}/kubelet-client-${stamp}.pem`;
      const old = await readHead(host, signal);
      const server = old.server ?? input.server;
      // While an authority is being replaced it trusts two, and must go on to.
      const trusted = old.trusted ?? Buffer.from(authority.cert).toString('base64');
      await host.writeFiles(
        [
          { path, content: pair.cert + privateKeyPem(pair.key), mode: 0o600 },
          { path: KUBECONFIG, content: kubeletConfig(server, trusted, user), mode: 0o600 },
        ],
        { title: "writing the kubelet's client certificate", signal },
      );
      const ownServing = (await readCertificates(host, signal)).find((one) => one.path === `${KUBELET_PKI}/kubelet.crt`);
      const isOwn = ownServing !== undefined && !parsed(ownServing.pem)?.checkIssued(new X509Certificate(authority.cert));
      const selfMade = isOwn ? [`${KUBELET_PKI}/kubelet.crt`, `${KUBELET_PKI}/kubelet.key`] : [];
      await host.run(
        script`set -e
ln -sfn ${path} ${`${CURRENT}.sealos`}
mv -fT ${`${CURRENT}.sealos`} ${CURRENT}
for file in ${selfMade}; do rm -f "$file"; done
systemctl restart kubelet
end=$((SECONDS + ${START_TIMEOUT / 1000}))
until systemctl is-active --quiet kubelet && (exec 3<>/dev/tcp/127.0.0.1/10248) 2>/dev/null; do
  if ((SECONDS >= end)); then echo 'the kubelet does not answer after its restart' >&2; exit 1; fi
  sleep 0.5
done
find ${KUBELET_PKI} -maxdepth 1 -name 'kubelet-client-2*.pem' ! -samefile "$(readlink -f ${CURRENT})" -delete`,
        { title: 'restarting the kubelet', signal, onLine, timeout: START_TIMEOUT + 60_000 },
      );
    },
  };
}

/** Where a kubelet's kubeconfig leads and whom it trusts (base64), without what is secret in it. */
async function readHead(
  host: Host,
  signal: AbortSignal,
): Promise<{ readonly server?: string | undefined; readonly trusted?: string | undefined }> {
  const { stdout } = await host.run(
    script`if [ -f ${KUBECONFIG} ]; then awk '$1 == "server:" || $1 == "certificate-authority-data:" { gsub(/"/, "", $2); print $1, $2 }' ${KUBECONFIG}; fi`,
    { title: "reading the kubelet's kubeconfig", signal },
  );
  const field = (name: string) => new RegExp(`^${name}: (\\S+)$`, 'm').exec(stdout)?.[1];
  return { server: field('server'), trusted: field('certificate-authority-data') };
}

function clientOf(found: readonly FoundCertificate[]): FoundCertificate | undefined {
  return found.find(({ path }) => path === KUBECONFIG) ?? found.find(({ path }) => path === CURRENT);
}

function parsed(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined;
  }
}

async function readAuthority(home: string): Promise<KeyPair> {
  const path = join(home, 'pki', 'ca');
  try {
    return { cert: await readFile(`${path}.crt`, 'utf8'), key: createPrivateKey(await readFile(`${path}.key`)) };
  } catch (cause) {
    throw new SealosError('bad-pki', `${path} cannot be used to sign`, { cause, exitCode: 2 });
  }
}

/** A kubeconfig whose certificate is the file that the kubelet itself renews, as kubeadm leaves it. */
function kubeletConfig(server: string, trusted: string, user: string): string {
  const name = 'kubernetes';
  const context = `${user}@${name}`;
  return stringify(
    {
      apiVersion: 'v1',
      clusters: [{ cluster: { 'certificate-authority-data': trusted, server }, name }],
      contexts: [{ context: { cluster: name, user }, name: context }],
      'current-context': context,
      kind: 'Config',
      preferences: {},
      users: [{ name: user, user: { 'client-certificate': CURRENT, 'client-key': CURRENT } }],
    },
    { lineWidth: 0 },
  );
}
