import { createHmac } from 'node:crypto';

/**
 * The signature under which a host that joins believes `cluster-info`: a JWS with detached content (RFC 7515, appendix F), keyed with the secret half
 * of a bootstrap token, as Kubernetes' bootstrap signer writes it into the ConfigMap and kubeadm compares it, byte by byte.
 */
export function clusterInfoSignature(kubeconfig: string, { id, secret }: { readonly id: string; readonly secret: string }): string {
  const encode = (text: string) => Buffer.from(text).toString('base64url');
  const header = encode(JSON.stringify({ alg: 'HS256', kid: id }));
  const signature = createHmac('sha256', secret)
    .update(`${header}.${encode(kubeconfig)}`)
    .digest('base64url');
  return `${header}..${signature}`;
}
