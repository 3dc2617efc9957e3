import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';

/** The public half of what lies in one file. */
export interface FoundCertificate {
  readonly path: string;
  readonly kind: 'certificate' | 'kubeconfig';
  /** PEM of the (first) certificate; what is there may be anything. */
  readonly pem: string;
  /** A kubeconfig's address of the API, and PEM of the authority that it trusts. */
  readonly server?: string;
  readonly trusts?: string;
  /** Whether the key beside it is its own; undefined where the host has no openssl to tell. */
  readonly hasOwnKey?: boolean;
}

/** The kubelet's certificates; `kubelet.crt` is one that it made for itself. */
export const KUBELET_PKI = '/var/lib/kubelet/pki';

/**
 * Prints the certificates of kubeadm's files, of the kubelet and of root's kubeconfig: one a line, tab-separated, base64. Keys are
 * compared on the host and stay there; they pass through builtins and pipes only, so that no argument list shows them.
 */
const questions = script`export LC_ALL=C
pem() { awk '/-----BEGIN CERTIFICATE-----/ { on = 1 } on { print } /-----END CERTIFICATE-----/ { exit }'; }
own_key() {
  if ! command -v openssl >/dev/null || [ -z "$2" ]; then echo unknown; return; fi
  if [ "$(printf '%s\n' "$1" | openssl x509 -noout -pubkey 2>/dev/null)" = "$(printf '%s\n' "$2" | openssl pkey -pubout 2>/dev/null)" ]; then echo yes; else echo no; fi
}
pair() {
  [ -f "$1" ] || return 0
  local cert key=''
  cert=$(pem < "$1")
  if [ -f "$2" ]; then key=$(awk '/PRIVATE KEY-----/ { on = 1 } on { print } /END.*PRIVATE KEY-----/ { exit }' "$2"); fi
  printf 'certificate\t%s\t%s\t%s\n' "$1" "$(printf '%s\n' "$cert" | base64 -w 0)" "$(own_key "$cert" "$key")"
}
field() { awk -v name="$2:" '$1 == name { gsub(/"/, "", $2); print $2; exit }' "$1"; }
kubeconfig() {
  [ -f "$1" ] || return 0
  local cert key file
  cert=$(field "$1" client-certificate-data | base64 -d 2>/dev/null | tr -d '\\0')
  if [ -z "$cert" ]; then
    file=$(field "$1" client-certificate)
    case $file in ${KUBELET_PKI}/* | '') ;; *) pair "$file" "$(field "$1" client-key)" ;; esac
    return 0
  fi
  key=$(field "$1" client-key-data | base64 -d 2>/dev/null | tr -d '\\0')
  printf 'kubeconfig\t%s\t%s\t%s\t%s\t%s\n' "$1" "$(printf '%s\n' "$cert" | base64 -w 0)" "$(own_key "$cert" "$key")" "$(field "$1" server)" "$(field "$1" certificate-authority-data)"
}
if [ -d /etc/kubernetes/pki ]; then
  find /etc/kubernetes/pki -name '*.crt' | sort | while IFS= read -r file; do pair "$file" "\${file%.crt}.key"; done
fi
for file in /etc/kubernetes/*.conf "$HOME/.kube/config"; do kubeconfig "$file"; done
pair ${KUBELET_PKI}/kubelet-client-current.pem ${KUBELET_PKI}/kubelet-client-current.pem
pair ${KUBELET_PKI}/kubelet-server-current.pem ${KUBELET_PKI}/kubelet-server-current.pem
pair ${KUBELET_PKI}/kubelet.crt ${KUBELET_PKI}/kubelet.key`;

const plain = (base64: string) => Buffer.from(base64, 'base64').toString();

/** Reads the lines that the script on a host prints. */
export function parseFound(text: string): readonly FoundCertificate[] {
  return text.split('\n').flatMap((line): FoundCertificate[] => {
    const [kind, path, pem, own, server, trusts] = line.split('\t');
    if (path === undefined || pem === undefined) return [];
    const hasOwnKey = own === 'yes' || own === 'no' ? { hasOwnKey: own === 'yes' } : {};
    if (kind === 'certificate') return [{ kind, path, pem: plain(pem), ...hasOwnKey }];
    if (kind !== 'kubeconfig') return [];
    return [{ kind, path, pem: plain(pem), ...hasOwnKey, server: server ?? '', trusts: plain(trusts ?? '') }];
  });
}

/** Every certificate of the cluster on a host, in one round trip. No private key leaves the host, and nothing is changed. */
export async function readCertificates(host: Pick<Host, 'run'>, signal: AbortSignal): Promise<readonly FoundCertificate[]> {
  const { stdout } = await host.run(questions, { title: 'reading the certificates', signal, timeout: 60_000 });
  return parseFound(stdout);
}
