import type { Duplex, Readable } from 'node:stream';
import type { Compression } from '@sealos/image';
import type { Script } from './script.ts';

/** Where a host is reached. `ip` is a canonical IPv4 or IPv6 address. */
export interface Address {
  readonly ip: string;
  readonly port: number;
}

export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** What is being done, for logs and errors: "starting the registry". */
  readonly title: string;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds until the command and all it started are ended and the call fails; none by default. */
  readonly timeout?: number | undefined;
  /** Every line as it comes. */
  readonly onLine?: ((line: string) => void) | undefined;
  /** Returns the output whatever the exit status, instead of throwing. */
  readonly allowFailure?: boolean | undefined;
}

export interface UnpackOptions {
  readonly title: string;
  readonly compression: Compression;
  /** Paths, relative to the archive's root, that are left out with all below them. */
  readonly exclude?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onBytes?: ((sent: number) => void) | undefined;
}

/** A small file made on the operator: rendered templates, certificates, configuration. */
export interface HostFile {
  /** Absolute path. */
  readonly path: string;
  readonly content: string | Uint8Array;
  /** Permission bits. */
  readonly mode: number;
}

/** One server, over SSH or this very machine. The only way to change it; every change is logged with its title. */
export interface Host extends AsyncDisposable {
  readonly address: Address;
  /** `ip`, or `ip:port` where the port is not 22: the name in every line that is shown. */
  readonly name: string;
  /** Runs a bash script as root (through sudo where the user is not root). Throws HostError when its exit status is not 0. */
  run(script: Script, options: RunOptions): Promise<Output>;
  /** Streams a tar archive into a directory, made if missing. Owners, modes and times are kept; existing files are replaced. */
  unpack(body: Readable, into: string, options: UnpackOptions): Promise<void>;
  /**
   * Writes all files through one tar stream, each under a temporary name and renamed; a file that has this content and mode already is not
   * touched. Returns the paths that changed. Those at or below `within` have to lie there indeed: one behind a link that leads out of it,
   * which an image may have brought, makes the call fail with nothing changed.
   */
  writeFiles(
    files: readonly HostFile[],
    options: { readonly title: string; readonly within?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): Promise<readonly string[]>;
  /** The content, or undefined where there is no such file. */
  readFile(path: string, options?: { readonly signal?: AbortSignal | undefined }): Promise<Uint8Array | undefined>;
  /**
   * A TCP connection made from the host to an address and port as it sees them (`127.0.0.1` is the host's own loopback), so that only
   * sshd need be reachable from here. Throws HostError when nothing accepts it there.
   */
  dial(ip: string, port: number, options: { readonly title: string; readonly signal?: AbortSignal | undefined }): Promise<Duplex>;
}

/** A program that runs containers, found on a host. */
export interface ContainerRuntime {
  readonly name: string;
  readonly path: string;
  /** What it says of its version; empty where it says nothing. */
  readonly version: string;
  readonly running: boolean;
  /** Containers that it holds; of one that does not run, those whose processes are left. */
  readonly containers: number;
}

/** What a host is, read once when it is reached. */
export interface HostFacts {
  readonly hostname: string;
  /** OCI spelling: `amd64`, `arm64`. */
  readonly architecture: string;
  readonly os: { readonly id: string; readonly version: string; readonly prettyName: string };
  readonly kernel: string;
  /** pid 1 is systemd. */
  readonly systemd: boolean;
  readonly cgroup: 'v1' | 'v2';
  readonly cpus: number;
  readonly memoryBytes: number;
  /** Free bytes on the filesystem that will hold `/var/lib/sealos`. */
  readonly diskFreeBytes: number;
  /** Seconds that the host's clock is ahead of the operator's (negative: behind), the round trip taken out. */
  readonly clockSkewSeconds: number;
  readonly tools: Readonly<Record<'tar' | 'gzip' | 'zstd' | 'iptables' | 'nft' | 'ipvsadm' | 'modprobe', boolean>>;
  /** Kernel features, loaded or loadable as modules. */
  readonly kernelFeatures: Readonly<Record<'ipvs' | 'nftables' | 'bridgeNetfilter' | 'overlayfs' | 'vxlan', boolean>>;
  /** The host may set oom scores and rlimits above its own (CAP_SYS_RESOURCE); containers as hosts often may not. */
  readonly sysResource: boolean;
  /** Swap is on and cannot be turned off from inside. */
  readonly swapOn: boolean;
  readonly selinuxEnforcing: boolean;
  /** TCP ports that are listened on. */
  readonly listeningPorts: readonly number[];
  /** IP addresses of its interfaces. */
  readonly addresses: readonly string[];
  /** All that are installed, the cluster's own too where it has one already. */
  readonly containerRuntimes: readonly ContainerRuntime[];
}
