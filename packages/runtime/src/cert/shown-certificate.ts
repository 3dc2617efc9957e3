import type { X509Certificate } from 'node:crypto';
import { connect } from 'node:tls';
import type { Host } from '../host/host.ts';

export interface ShownAt {
  readonly ip: string;
  readonly port: number;
  /** A client certificate and its key (PEM), for a server that asks for one. */
  readonly client?: { readonly cert: string; readonly key: string };
}

const HANDSHAKE_TIMEOUT = 10_000;

/**
 * The certificate that a server on a host shows now, through the connection to that host; undefined where none answers. What it says is
 * not trusted: it is compared with the file that it ought to be.
 */
export async function shownCertificate(
  host: Pick<Host, 'dial'>,
  { ip, port, client }: ShownAt,
  signal: AbortSignal,
): Promise<X509Certificate | undefined> {
  try {
    const socket = await host.dial(ip, port, { title: `asking port ${port} for its certificate`, signal });
    const tls = connect({ socket, rejectUnauthorized: false, ...client });
    const stop = AbortSignal.any([signal, AbortSignal.timeout(HANDSHAKE_TIMEOUT)]);
    try {
      return await new Promise<X509Certificate | undefined>((resolve, reject) => {
        tls.once('secureConnect', () => resolve(tls.getPeerX509Certificate()));
        tls.once('error', reject);
        tls.once('close', () => reject(new Error('the connection was closed')));
        if (stop.aborted) reject(stop.reason);
        stop.addEventListener('abort', () => reject(stop.reason), { once: true });
      });
    } finally {
      tls.destroy();
      socket.destroy();
    }
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}
