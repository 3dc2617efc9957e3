import type { ClusterHost } from '../cluster/cluster.ts';
import { HostError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { hostName } from '../host/host-name.ts';
import type { HostLayout } from '../layout.ts';
import type { ReachedHost } from '../run/prepare.ts';
import { membershipOf } from '../steps/membership.ts';
import { type HostAnswers, parseHostAnswers, statusQuestions } from './host-answers.ts';
import { httpOverHost } from './http-over-host.ts';
import type { HostReport } from './report.ts';

/** A host that answered, with what was read there. */
export interface SeenHost {
  readonly reached: ReachedHost;
  readonly answers: HostAnswers;
  readonly report: HostReport;
}

const unseen = {
  facts: undefined,
  services: [],
  versions: {},
  member: undefined,
  disks: [],
  certificate: undefined,
  api: { address: undefined, reachable: undefined, server: undefined, members: undefined },
  reachesRegistry: undefined,
} as const;

/** A host of which nothing is known. */
export function unseenHost(spec: ClusterHost, why: string): HostReport {
  const host = hostName(spec.address);
  return { host, ip: spec.address.ip, roles: spec.roles, unreachable: why.replace(`${host}: `, ''), ...unseen };
}

/** `ok`, or why the API server of a control plane does not serve. A server that wants to know who asks serves. */
async function apiServer(host: Host, port: number, signal: AbortSignal): Promise<string> {
  try {
    const { status, body } = await httpOverHost(host, { ip: '127.0.0.1', port, path: '/readyz', secure: true, signal });
    if (status === 200 || status === 401 || status === 403) return 'ok';
    const failing = [...body.matchAll(/^\[-\](\S+) failed/gm)].map(([, name]) => name);
    return failing.length > 0 ? `not ready: ${failing.join(', ')}` : `HTTP status ${status}`;
  } catch (error) {
    if (error instanceof HostError && error.code === 'not-listening') return `nothing listens on port ${port}`;
    const why = error instanceof Error ? error.message.replace(`${host.name}: `, '') : String(error);
    return signal.aborted ? 'no answer in time' : why;
  }
}

/** Reads what one host has of the cluster. Throws HostError where it does not answer in time. */
export async function viewHost(
  reached: ReachedHost,
  options: { readonly layout: HostLayout; readonly apiName: string; readonly timeout: number; readonly signal: AbortSignal },
): Promise<SeenHost> {
  const { host, spec, facts } = reached;
  const { layout, apiName, timeout, signal } = options;
  const { stdout } = await host.run(statusQuestions(layout, apiName), { title: 'asking how the host is', signal, timeout });
  const answers = parseHostAnswers(stdout, apiName);
  const isMaster = spec.roles.includes('master');
  const member = membershipOf(answers.markers);
  const report: HostReport = {
    host: host.name,
    ip: spec.address.ip,
    roles: spec.roles,
    unreachable: undefined,
    facts: {
      hostname: facts.hostname,
      os: facts.os.prettyName,
      kernel: facts.kernel,
      architecture: facts.architecture,
      clockSkewSeconds: Math.round(facts.clockSkewSeconds * 10) / 10,
    },
    services: answers.services,
    versions: answers.versions,
    member,
    disks: answers.disks,
    certificate: answers.certificate,
    api: {
      address: answers.names.get(apiName),
      reachable: answers.reachesApi,
      server: isMaster ? await apiServer(host, answers.apiPort, AbortSignal.any([signal, AbortSignal.timeout(timeout)])) : undefined,
      members: isMaster ? undefined : answers.balancedTo,
    },
    reachesRegistry: answers.reachesRegistry,
  };
  return { reached, answers, report };
}
