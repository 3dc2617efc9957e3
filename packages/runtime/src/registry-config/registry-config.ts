import { isIP } from 'node:net';
import { posix } from 'node:path';
import { badInput } from '@sealos/image';
import * as v from 'valibot';
import { parseWith, parseYamlStream } from '../cluster/yaml-stream.ts';

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

/** What sealos takes where an image has no `etc/registry.yml`. */
export const defaultRegistryConfig: RegistryConfig = {
  domain: 'sealos.hub',
  port: 5000,
  username: 'admin',
  password: 'passw0rd',
  data: '/var/lib/registry',
};

/** What a template prints for a variable that the image does not have. */
const noValue = '<no value>';

/** A member that the template left empty is as good as absent. YAML takes a password of digits for a number. */
const text = v.nullish(
  v.pipe(
    v.union([v.string(), v.number()]),
    v.transform((value) => (value === noValue ? '' : String(value))),
  ),
  '',
);

const schema = v.object({ ip: text, domain: text, port: text, username: text, password: text, data: text });

/**
 * Parses a rendered `etc/registry.yml`; undefined (no such file) gives the defaults, and says so to `warn`. In a file that is there, absent credentials mean
 * that no login is needed. `name` is shown in errors. Throws bad input for what cannot be a domain, a port or a directory to replace.
 */
export function parseRegistryConfig(content: string | undefined, name: string, warn: (message: string) => void = () => {}): RegistryConfig {
  if (content === undefined) {
    const { domain, port, username, data } = defaultRegistryConfig;
    warn(`${name} is not there: the registry is taken to be ${domain}:${port} with its data in ${data} and the usual login of ${username}`);
    return defaultRegistryConfig;
  }
  const [document] = parseYamlStream(content, name);
  if (document === undefined) throw badInput('bad-registry-config', `${name} is empty`);
  const given = parseWith(schema, document);
  const domain = given.domain || defaultRegistryConfig.domain;
  const port = given.port === '' ? defaultRegistryConfig.port : Number(given.port);
  const data = posix.normalize(given.data || defaultRegistryConfig.data).replace(/\/$/, '');
  const refuse = (member: string, why: string) => badInput('bad-registry-config', `${document.where([member])}: ${member} ${why}`);
  for (const member of ['password', 'data'] as const)
    if (/\p{Cc}/u.test(given[member])) throw refuse(member, 'must not hold control characters');
  if (!/^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/.test(domain)) throw refuse('domain', `'${domain}' is not a host name`);
  if (!Number.isInteger(port) || port < 1 || port > 65535) throw refuse('port', `'${given.port}' is not a port (1 to 65535)`);
  // The directory is replaced by a link: one of the system's own must not be.
  if (!/^\/[^/]+\/./.test(data)) throw refuse('data', `'${given.data}' is not a directory of its own, such as /var/lib/registry`);
  if (given.ip !== '' && isIP(given.ip) === 0) throw refuse('ip', `'${given.ip}' is not an IP address`);
  if (/[:\p{Cc}]/u.test(given.username)) throw refuse('username', 'must not hold a colon or a line break');
  return { ...(given.ip === '' ? {} : { ip: given.ip }), domain, port, username: given.username, password: given.password, data };
}
