/** What `etc/registry.yml` of a rendered rootfs says of the cluster's registry. */
export interface RegistryConfig {
  readonly ip?: string;
  readonly domain: string;
  readonly port: number;
  /** Empty: no login is needed. */
  readonly username: string;
  readonly password: string;
  /** The directory on registry hosts that becomes a link to the rootfs's `registry/`. */
  readonly data: string;
}

/** Parses a rendered `etc/registry.yml`; undefined (no such file) gives the defaults. `name` is shown in errors. */
export function parseRegistryConfig(_text: string | undefined, _name: string): RegistryConfig {
  throw new Error('not reached');
}
