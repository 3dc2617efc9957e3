import type { Ssh } from '../cluster/cluster.ts';
import type { Address } from './host.ts';
import { hostName } from './host-name.ts';
import { parseJumps } from './jump.ts';
import { connectSsh, type Relay, type SshOptions } from './ssh.ts';
import type { SshConfig } from './ssh-config.ts';
import type { Credentials } from './ssh-login.ts';
import type { Transport } from './transport.ts';

/** What this call gives for hosts on the way, where it is not the same as for the hosts themselves. */
export interface JumpCredentials {
  readonly password?: string | undefined;
  readonly keyFile?: string | undefined;
}

export interface RouteInput {
  readonly address: Address;
  /** The cluster's own settings of this host. */
  readonly ssh: Ssh;
  readonly credentials: Credentials;
  readonly jumpCredentials?: JumpCredentials | undefined;
  /** A file of host keys that was named for this call. */
  readonly knownHosts?: string | undefined;
  readonly config: SshConfig;
}

/** Where one SSH connection goes and as whom. */
type Hop = Pick<SshOptions, 'address' | 'endpoint' | 'user' | 'credentials' | 'knownHosts'>;

/** How a host is reached: over `jumps`, in this order. */
export interface Route {
  readonly target: Hop;
  readonly jumps: readonly Hop[];
}

/** Jump hosts of a configuration may name jump hosts of their own; more than these on one way are a circle. */
const MAX_JUMPS = 8;

/**
 * The way to a host. What the command line and the Clusterfile say counts first, then the SSH configuration, then the usual (root, port
 * 22, no jump). A port that is not 22 was given, by whatever; the configuration's takes the place of 22 alone.
 */
export function routeTo(input: RouteInput): Route {
  const { address, ssh, config, knownHosts } = input;
  const configured = config.of(address.ip);
  const port = address.port === 22 ? (configured.port ?? 22) : address.port;
  const endpoint = { ip: configured.hostName ?? address.ip, port };
  const jumps = ssh.proxyJump ?? configured.proxyJump ?? 'none';
  return {
    target: {
      address,
      endpoint,
      user: ssh.user ?? configured.user ?? 'root',
      credentials: withKeys(input.credentials, configured.identityFiles),
      knownHosts: knownHosts ?? configured.knownHosts,
    },
    jumps: jumpHops(jumps, input, []),
  };
}

function withKeys(credentials: Credentials, identityFiles: readonly string[]): Credentials {
  return identityFiles.length === 0 ? credentials : { ...credentials, usualKeys: identityFiles };
}

function jumpHops(text: string, input: RouteInput, passed: readonly string[]): readonly Hop[] {
  const { ssh, config, credentials, jumpCredentials, knownHosts } = input;
  const hosts = parseJumps(text);
  const [first] = hosts;
  if (first === undefined || passed.length >= MAX_JUMPS) return [];
  // As OpenSSH does it: only the first of several may be behind others by its own configuration.
  const before = config.of(first.host).proxyJump;
  const isCircle = passed.includes(first.host) || (before !== undefined && parseJumps(before).some(({ host }) => host === first.host));
  const way = before === undefined || isCircle ? [] : jumpHops(before, input, [...passed, first.host]);
  return [
    ...way,
    ...hosts.map(({ host, user, port }): Hop => {
      const configured = config.of(host);
      const address = { ip: host, port: port ?? configured.port ?? 22 };
      const own = { password: jumpCredentials?.password ?? credentials.password, keyFile: jumpCredentials?.keyFile };
      // Keys that the configuration names for this very host, before those of the hosts behind it.
      const inherited = configured.identityFiles.length > 0 ? { keyFile: undefined, keyData: undefined } : {};
      return {
        address,
        endpoint: { ip: configured.hostName ?? host, port: address.port },
        user: user ?? configured.user ?? ssh.user ?? 'root',
        credentials: withKeys(
          {
            ...credentials,
            ...inherited,
            password: own.password,
            ...(own.keyFile === undefined ? {} : { keyFile: own.keyFile, keyData: undefined }),
          },
          configured.identityFiles,
        ),
        knownHosts: knownHosts ?? configured.knownHosts,
      };
    }),
  ];
}

/** The connections to jump hosts: one for each, however many hosts are behind it. */
export class JumpConnections implements AsyncDisposable {
  readonly #open = new Map<string, Promise<Transport>>();
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** The last of the jump hosts, connected through the others; undefined where there are none. Throws HostError (exit 2) that names the one that failed. */
  async to(jumps: readonly Hop[]): Promise<Relay | undefined> {
    let relay: Relay | undefined;
    let way = '';
    for (const hop of jumps) {
      const { address, user } = hop;
      way += `${user}@${hostName(address)} `;
      let transport = this.#open.get(way);
      if (transport === undefined) {
        transport = connectSsh({ ...hop, through: relay, signal: this.#signal });
        transport.catch(() => {}); // whoever waits for it is told
        this.#open.set(way, transport);
      }
      relay = { name: `the jump host ${hostName(address)}`, transport: await transport };
    }
    return relay;
  }

  /** To be called after the hosts behind them were closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#open.values());
    // Backwards: a connection is in use as long as one goes through it.
    for (const result of opened.reverse()) if (result.status === 'fulfilled') await result.value[Symbol.asyncDispose]();
  }
}
