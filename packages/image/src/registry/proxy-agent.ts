import type { Agent, Dispatcher } from 'undici';
import { badInput } from '../error.ts';
import { ConnectionRefusal } from './connection-refusal.ts';
import { codeOf } from './retry.ts';

/** How connections through a proxy, and to servers behind it, are made. */
export interface ProxyConnections {
  /** For connections to the server, TLS included. */
  readonly connect: Exclude<Agent.Options['connect'], undefined | ((...given: never[]) => unknown)>;
  readonly headersTimeout: number;
  readonly bodyTimeout: number;
  /** Until a connection to the proxy stands, in milliseconds. */
  readonly connectTimeout: number;
}

// A proxy opens a connection of its own before it answers CONNECT: it may take as much longer.
const TUNNEL_FACTOR = 3;

/** Reads a proxy's address. Throws `bad-proxy` (exit 2), which does not show the login in it. */
export function parseProxy(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === '' || !['http:', 'https:', 'socks5:', 'socks:'].includes(url.protocol)) {
    const shown = text.replace(/\/\/[^/]*@/, '//').slice(0, 80);
    throw badInput(
      'bad-proxy',
      `the proxy '${shown}' of the environment cannot be used`,
      'write HTTPS_PROXY=http://HOST:PORT, or http://USER:PASSWORD@HOST:PORT with the signs of the login percent-encoded',
    );
  }
  return url;
}

/** Connections through a proxy: a tunnel (CONNECT) to HTTPS servers, whole addresses in the request for plain HTTP ones. */
export async function openProxy(proxy: URL, connections: ProxyConnections): Promise<Dispatcher> {
  const { Pool, ProxyAgent } = await import('undici');
  const { connect, headersTimeout, bodyTimeout, connectTimeout } = connections;
  const tunnelTimeout = connectTimeout * TUNNEL_FACTOR;
  return new ProxyAgent({
    uri: proxy.href,
    connect,
    requestTls: connect,
    headersTimeout,
    bodyTimeout,
    connectTimeout,
    allowH2: false,
    // undici gives neither of its connections to the proxy itself a limit of ours.
    clientFactory: (origin, options) => new Pool(origin, { ...options, headersTimeout: tunnelTimeout, bodyTimeout: tunnelTimeout }),
    factory: (origin, options) => new Pool(origin, { headersTimeout, bodyTimeout, ...options }),
  });
}

/** A failure of the proxy itself as the user should read it; undefined when the proxy did its part. */
export function explainProxy(error: unknown, proxy: URL, target: URL): ConnectionRefusal | undefined {
  const status = statusOf(error);
  const refuse = (code: string, why: string, hint: string) => new ConnectionRefusal(code, why, hint, error);
  const name = `the proxy ${proxy.host}`;
  if (status === 407) {
    const hint = `put the login into the variable: ${proxy.protocol}//USER:PASSWORD@${proxy.host}`;
    return refuse('proxy-wants-login', proxy.username === '' ? `${name} needs a login` : `${name} does not accept its login`, hint);
  }
  if (status !== undefined) {
    const hint = `ask who runs the proxy, or except ${target.hostname} from it with NO_PROXY`;
    return refuse('proxy-refused', `${name} does not let through to ${target.host}: it answered with status ${status}`, hint);
  }
  if (!isAt(error, proxy)) return undefined;
  const hint = `check the proxy variables, or except ${target.hostname} from the proxy with NO_PROXY`;
  return refuse('proxy-unreachable', `${name}, through which ${target.host} is to be reached, does not answer (${codeOf(error)})`, hint);
}

// undici tells a proxy's refusal in its message alone.
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error)) return undefined;
  const status = /Proxy response \((\d{3})\)|Proxy Authentication Required \((\d{3})\)/.exec(error.message);
  if (status !== null) return Number(status[1] ?? status[2]);
  return statusOf(error.cause);
}

function isAt(error: unknown, proxy: URL): boolean {
  if (!(error instanceof Error)) return false;
  const port = Number(proxy.port || (proxy.protocol === 'https:' ? 443 : 80));
  const at = error as { readonly address?: unknown; readonly port?: unknown; readonly hostname?: unknown };
  const host = proxy.hostname.replace(/^\[(.*)\]$/, '$1');
  if (at.hostname === host || (at.port === port && typeof at.address === 'string')) return true;
  return error.cause !== undefined && isAt(error.cause, proxy);
}
