import type { Readable } from 'node:stream';
import type { Compression, Digest } from '@sealos/image';
import type { Address, HostFacts, HostFile } from '../host/host.ts';
import type { Script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { LayerOutline } from '../run/layer-outline.ts';
import type { Step } from '../step.ts';

/** One compressed layer of an image, as it travels. */
export interface PlannedLayer {
  readonly digest: Digest;
  /** Bytes of the blob. */
  readonly size: number;
  readonly compression: Compression;
  /** What lies in it: the cluster's container images (`registry/`), everything else, or both. */
  readonly holds: 'registry' | 'payload' | 'both';
  /** Paths that this layer removes from those below it, with all in them; empty text: all. */
  readonly removes: readonly string[];
  /** What never reaches a host: the marker files themselves, device nodes and pipes. */
  readonly whiteoutFiles: readonly string[];
  /** What could lead out of the directory that it is unpacked into. */
  readonly outline: LayerOutline;
  open(signal: AbortSignal): Promise<Readable>;
}

export interface PlannedImage {
  /** As the user typed it: its identity in state and messages. */
  readonly name: string;
  readonly digest: Digest;
  readonly kind: 'rootfs' | 'patch' | 'application';
  /** Directory of an application on master0. */
  readonly directory: string;
  /** Of the first control plane's architecture. */
  readonly layers: readonly PlannedLayer[];
  /** Of the other architectures among the hosts, in OCI spelling. */
  readonly variants: ReadonlyMap<string, readonly PlannedLayer[]>;
}

export interface PlannedHost {
  readonly address: Address;
  readonly hostname: string;
  readonly roles: readonly string[];
  readonly facts: HostFacts | undefined;
  /** Rendered for this host, absolute paths below the rootfs directory. */
  readonly files: readonly HostFile[];
  /** The environment of the rootfs' scripts on this host. */
  readonly env: ReadonlyMap<string, string>;
  /** It is part of the running cluster: kubeadm was here and ended well. */
  readonly member: boolean;
}

/** The commands of one image, in order, ready to be run as one script on each host. */
export interface PlannedCommands {
  readonly image: PlannedImage;
  /** Hosts where they run: master0 for an application, every host for a rootfs or a patch image. */
  readonly hosts: readonly Address[];
  /** With that host's environment. */
  readonly script: (address: Address) => Script;
  /** Files rendered for an application's directory. */
  readonly files: readonly HostFile[];
}

export interface PlannedRegistry {
  readonly host: Address;
  readonly domain: string;
  readonly port: number;
  /** `registryData`: becomes a link to the rootfs' `registry/`. */
  readonly data: string;
}

/** The architecture of each host, by its `ip`. */
export function architecturesOf(hosts: readonly PlannedHost[]): ReadonlyMap<string, string> {
  return new Map(hosts.flatMap(({ address, facts }) => (facts ? [[address.ip, facts.architecture]] : [])));
}

export interface PlanShape {
  readonly layout: HostLayout;
  readonly hosts: readonly PlannedHost[];
  readonly images: readonly PlannedImage[];
  /** The first control plane: applications' files and commands live there. */
  readonly master0: Address;
  readonly registry: PlannedRegistry;
}

/** Some of a plan's steps; `ends` are those after which all of it is done. */
export interface PlanPart {
  readonly steps: readonly Step[];
  readonly ends: readonly string[];
}

export const addresses = (hosts: readonly PlannedHost[]): readonly Address[] => hosts.map(({ address }) => address);
export const isMaster = (host: PlannedHost): boolean => host.roles.includes('master');
