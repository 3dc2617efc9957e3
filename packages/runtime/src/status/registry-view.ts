import { HostError } from '../error.ts';
import type { Host } from '../host/host.ts';
import type { HostLayout } from '../layout.ts';
import { parseRegistryConfig } from '../registry-config/registry-config.ts';
import { httpOverHost } from './http-over-host.ts';
import type { RegistryReport } from './report.ts';

/** Pages of the catalog that are asked for at most; a registry of a cluster has one or two. */
const PAGES = 50;

/** Asks the registry on one of its hosts with the login that the cluster's own nodes use; how many repositories it has (distribution-spec: `_catalog`). */
async function askRegistry(
  host: Host,
  layout: HostLayout,
  signal: AbortSignal,
): Promise<{ readonly address: string; readonly repositories: number }> {
  const name = `${layout.rootfs}/etc/registry.yml`;
  const content = await host.readFile(name, { signal });
  const { domain, port, username, password } = parseRegistryConfig(content && Buffer.from(content).toString(), name);
  const login = username === '' && password === '' ? undefined : { username, password };
  const ask = (path: string) => httpOverHost(host, { ip: '127.0.0.1', port, path, secure: false, login, signal });
  const base = await ask('/v2/');
  if (base.status === 401) throw new Error("it refuses the cluster's own login");
  if (base.status !== 200) throw new Error(`it answers with HTTP status ${base.status}`);
  let repositories = 0;
  let path: string | undefined = '/v2/_catalog?n=1000';
  for (let page = 0; path !== undefined && page < PAGES; page += 1) {
    const answer = await ask(path);
    if (answer.status !== 200) throw new Error(`its catalog cannot be read: HTTP status ${answer.status}`);
    const parsed: unknown = JSON.parse(answer.body);
    const list: unknown = typeof parsed === 'object' && parsed !== null && 'repositories' in parsed ? parsed.repositories : undefined;
    repositories += Array.isArray(list) ? list.length : 0;
    const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(answer.headers['link'] ?? ''))?.[1];
    path = next === undefined ? undefined : new URL(next, 'http://registry').href.slice('http://registry'.length);
  }
  return { address: `${domain}:${port}`, repositories };
}

function why(error: unknown, host: Host): string {
  if (error instanceof HostError && error.code === 'not-listening') return 'nothing listens on its port';
  return error instanceof Error ? error.message.replace(`${host.name}: `, '') : String(error);
}

/** The cluster's registry on its hosts. Never throws for what is wrong with it; the login is in no answer and no error. */
export async function registryView(
  hosts: readonly Host[],
  names: readonly string[],
  layout: HostLayout,
  address: string | undefined,
  signal: AbortSignal,
): Promise<RegistryReport> {
  const nothing: RegistryReport = { address, hosts: names, healthy: false, repositories: undefined, problem: 'its host cannot be reached' };
  let report = nothing;
  for (const host of hosts) {
    try {
      return { ...nothing, ...(await askRegistry(host, layout, signal)), healthy: true, problem: undefined };
    } catch (error) {
      report = { ...nothing, problem: why(error, host) };
    }
  }
  return report;
}
