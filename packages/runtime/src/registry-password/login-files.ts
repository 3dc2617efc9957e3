import { parseDocument, Scalar } from 'yaml';
import type { RegistryConfig } from '../registry-config/registry-config.ts';

/** The login of a cluster's registry, and where the registry is. */
export type RegistryLogin = Pick<RegistryConfig, 'domain' | 'port' | 'username' | 'password'>;

/** A file on a host that may hold the registry's login, and how its text looks with another one. Text that holds none stays as it is. */
export interface LoginFile {
  readonly path: string;
  /** What reads it at its start alone, and has to be started again. */
  readonly reader: 'shim' | 'containerd' | 'crio' | undefined;
  readonly edit: (text: string, login: RegistryLogin) => string;
}

/**
 * The files of a host that hold the login: those of the images' rootfs, and those that images' scripts make of them (image-cri-shim,
 * containerd with `certs.d` or `configs`, CRI-O, docker). `shim` is where the shim's configuration lies.
 */
export function loginFiles(rootfs: string, shim: string, { domain, port }: Pick<RegistryLogin, 'domain' | 'port'>): readonly LoginFile[] {
  const file = (path: string, edit: LoginFile['edit'], reader?: LoginFile['reader']): LoginFile => ({ path, edit, reader });
  return [
    file(`${rootfs}/etc/registry.yml`, editRegistryYaml),
    file(`${rootfs}/etc/image-cri-shim.yaml`, editShimYaml),
    file(`${rootfs}/etc/config.toml`, editContainerdConfig),
    file(shim, editShimYaml, 'shim'),
    file(`/etc/containerd/certs.d/${domain}:${port}/hosts.toml`, editHostsToml),
    file('/etc/containerd/certs.d/_default/hosts.toml', editHostsToml),
    file('/etc/containerd/config.toml', editContainerdConfig, 'containerd'),
    file('/etc/crio/config.json', editDockerConfig, 'crio'),
    file('/root/.docker/config.json', editDockerConfig),
  ];
}

/** `etc/registry.yml`: `username` and `password`, always as text. */
export function editRegistryYaml(text: string, { username, password }: RegistryLogin): string {
  return editYaml(text, { username, password });
}

/** image-cri-shim's `auth: USER:PASSWORD` of the offline registry; those of other registries stay. */
export function editShimYaml(text: string, { username, password }: RegistryLogin): string {
  return editYaml(text, { auth: `${username}:${password}` });
}

function editYaml(text: string, members: Readonly<Record<string, string>>): string {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new SyntaxError(document.errors[0]?.message);
  const before: unknown = document.toJS();
  const has = (key: string, value: string) => typeof before === 'object' && before !== null && Reflect.get(before, key) === value;
  const changed = Object.entries(members).filter(([key, value]) => !has(key, value));
  if (changed.length === 0) return text;
  for (const [key, value] of changed) {
    const scalar = new Scalar(value);
    scalar.type = Scalar.QUOTE_DOUBLE;
    document.set(key, scalar);
  }
  return document.toString({ lineWidth: 0 });
}

/** containerd's hosts.toml: the header that the registry's own host is sent; added where the host is named without one. */
export function editHostsToml(text: string, { domain, port, username, password }: RegistryLogin): string {
  const table = `host."http://${domain}:${port}"`;
  const line = `Authorization = "Basic ${Buffer.from(`${username}:${password}`).toString('base64')}"`;
  const edited = editTable(text, (name) => name === `${table}.header`, { Authorization: line });
  if (edited !== undefined) return edited;
  if (!tableNames(text).includes(table)) return text;
  return `${text.replace(/\n?$/, '\n')}  [${table}.header]\n    ${line}\n`;
}

/** containerd's config.toml: `…registry.configs."DOMAIN:PORT".auth`, whatever the plugin is called. */
export function editContainerdConfig(text: string, { domain, port, username, password }: RegistryLogin): string {
  const isAuth = (name: string) => /\.registry\.configs\./.test(name) && name.replaceAll("'", '"').endsWith(`"${domain}:${port}".auth`);
  const lines = { username: `username = ${JSON.stringify(username)}`, password: `password = ${JSON.stringify(password)}` };
  return editTable(text, isAuth, lines) ?? text;
}

/** A docker `config.json`: the registry's entry, where it has one. */
export function editDockerConfig(text: string, { domain, port, username, password }: RegistryLogin): string {
  const config: unknown = JSON.parse(text);
  const auths: unknown = typeof config === 'object' && config !== null ? Reflect.get(config, 'auths') : undefined;
  const entry: unknown = typeof auths === 'object' && auths !== null ? Reflect.get(auths, `${domain}:${port}`) : undefined;
  if (typeof entry !== 'object' || entry === null || typeof auths !== 'object' || auths === null) return text;
  const auth = Buffer.from(`${username}:${password}`).toString('base64');
  if (Reflect.get(entry, 'auth') === auth) return text;
  Reflect.set(auths, `${domain}:${port}`, { auth });
  return `${JSON.stringify(config, null, 2)}\n`;
}

const TABLE = /^\s*\[([^[\]]+)\]\s*(?:#.*)?$/;

function tableNames(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => TABLE.exec(line)?.[1]?.trim() ?? []);
}

/** Sets members of a TOML table line by line, so that everything else stays as somebody wrote it. Undefined when there is no such table. */
function editTable(text: string, isTable: (name: string) => boolean, members: Readonly<Record<string, string>>): string | undefined {
  let found = false;
  let inside = false;
  let missing = new Set<string>();
  const edited: string[] = [];
  const close = (): void => {
    if (inside) for (const key of missing) edited.push(`    ${members[key]}`);
    missing = new Set();
  };
  for (const line of text.split('\n')) {
    const name = TABLE.exec(line)?.[1]?.trim();
    if (name !== undefined) {
      close();
      inside = isTable(name);
      found ||= inside;
      if (inside) missing = new Set(Object.keys(members));
      edited.push(line);
      continue;
    }
    const [, indent = '', key = ''] = /^(\s*)([A-Za-z]+)\s*=/.exec(line) ?? [];
    const wanted = inside ? members[key] : undefined;
    if (wanted === undefined) edited.push(line);
    else if (missing.delete(key)) edited.push(`${indent}${wanted}`);
  }
  const isOpen = inside && missing.size > 0;
  if (isOpen && edited.at(-1) === '') edited.pop();
  close();
  if (isOpen) edited.push('');
  return found ? edited.join('\n') : undefined;
}
