import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';
import { addressPlace, badInput, fixedCredentials, type RegistryPlace } from '@sealos/image';
import { type Cluster, registryHosts, type Ssh } from '../cluster/cluster.ts';
import type { Host } from '../host/host.ts';
import { hostLayout } from '../layout.ts';
import { parseRegistryConfig, type RegistryConfig } from '../registry-config/registry-config.ts';
import { type Connection, reachHosts } from '../run/reach-hosts.ts';
import { storedCluster } from '../run/stored-cluster.ts';

export interface ClusterRegistryOptions {
  readonly cluster: string;
  readonly ssh: Ssh;
  readonly connection: Connection;
  readonly signal: AbortSignal;
}

export interface ReachedRegistry extends AsyncDisposable {
  readonly host: Host;
  readonly config: RegistryConfig;
}

/** Connects to the host of a cluster's registry, alone, and reads how the registry is reached there. */
export async function reachRegistryHost({ cluster: name, ssh, connection, signal }: ClusterRegistryOptions): Promise<ReachedRegistry> {
  const { cluster } = (await storedCluster(name, ssh)).stored;
  const [spec] = registryHosts(cluster);
  if (spec === undefined) throw badInput('no-registry', `cluster '${name}' has no host for a registry`);
  const group = { ips: [spec.address], roles: spec.roles, env: spec.env, ssh: spec.ssh };
  await using resources = new AsyncDisposableStack();
  const hosts = resources.use(await reachHosts({ ...cluster, hosts: [group] }, connection, signal));
  const host = hosts.hostOf(spec.address);
  const config = await registryConfigOn(host, cluster, signal);
  const held = resources.move();
  return { host, config, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** `etc/registry.yml` of the rootfs on a host. Throws bad input where there is none. */
export async function registryConfigOn(host: Host, cluster: Cluster, signal: AbortSignal): Promise<RegistryConfig> {
  const path = `${hostLayout(cluster.name).rootfs}/etc/registry.yml`;
  const content = await host.readFile(path, { signal });
  if (content === undefined) {
    throw badInput('no-registry', `${host.name} has no ${path}: the cluster's registry is not of an image that says how it is reached`);
  }
  return parseRegistryConfig(Buffer.from(content).toString(), path);
}

/** A cluster's registry with its own login, through the connection to its host: only sshd has to be reachable from here. */
export async function openClusterRegistry(options: ClusterRegistryOptions): Promise<RegistryPlace> {
  await using resources = new AsyncDisposableStack();
  const { host, config } = resources.use(await reachRegistryHost(options));
  const { domain, port, username, password } = config;
  const address = await forward(resources, host, port, options.signal);
  const place = resources.use(
    addressPlace(address, {
      plainHttp: true,
      registriesConf: [],
      // No proxy is between this machine and itself.
      environment: {},
      ...(username === '' ? {} : { credentials: fixedCredentials(username, password) }),
    }),
  );
  const held = resources.move();
  return { ...place, title: `${domain}:${port}`, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** A port of this machine's loopback that leads to one of the host's. */
async function forward(resources: AsyncDisposableStack, host: Host, port: number, signal: AbortSignal): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    host.dial('127.0.0.1', port, { title: 'reaching the registry', signal }).then(
      (there) => {
        there.on('error', () => socket.destroy());
        there.once('close', () => socket.destroy());
        socket.once('close', () => there.destroy());
        socket.pipe(there).pipe(socket);
      },
      () => socket.destroy(),
    );
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  resources.defer(() => closed(server, sockets));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function closed(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    for (const socket of sockets) socket.destroy();
  });
}
