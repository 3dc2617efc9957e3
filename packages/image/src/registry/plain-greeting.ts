import { connect } from 'node:tls';
import { speaksPlainHttp } from './failure.ts';
import { hostnameOf, isLoopback } from './proxy.ts';

const PATIENCE = 1000;

/**
 * Whether the server at a URL is on this machine and answers a TLS greeting with plain HTTP. Nothing is sent but the greeting, and nothing
 * trusted: reading the authorities of the whole system, to find out only this, would take longer than many a push. False when in doubt.
 */
export function isPlainHere(url: URL, signal: AbortSignal | undefined): Promise<boolean> {
  const host = hostnameOf(url);
  if (!isLoopback(host)) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(url.port || 443), ca: [] });
    const answer = (isPlain: boolean) => {
      signal?.removeEventListener('abort', stop);
      socket.destroy();
      resolve(isPlain);
    };
    const stop = () => answer(false);
    signal?.addEventListener('abort', stop, { once: true });
    socket.setTimeout(PATIENCE, stop);
    socket.once('secureConnect', stop);
    socket.once('close', stop);
    socket.once('error', (error) => answer(speaksPlainHttp(error)));
  });
}
