import { type Endpoint, formatEndpoint, isSameEndpoint, parseEndpoint } from './endpoint.ts';
import { includesServer, type Members } from './members.ts';

/** What the kernel holds of one virtual server. */
export interface IpvsService {
  readonly scheduler: string;
  readonly servers: readonly { readonly server: Endpoint; readonly weight: number; readonly masquerades: boolean }[];
}

/** Reads one virtual server out of what `ipvsadm -S -n` prints; undefined where it is not there. */
export function parseIpvs(saved: string, vs: Endpoint): IpvsService | undefined {
  let scheduler: string | undefined;
  const servers: { server: Endpoint; weight: number; masquerades: boolean }[] = [];
  for (const line of saved.split('\n')) {
    const words = line.trim().split(/\s+/);
    const after = (flag: string) => (words.includes(flag) ? words[words.indexOf(flag) + 1] : undefined) ?? '';
    if (after('-t') !== formatEndpoint(vs)) continue;
    if (words[0] === '-A') scheduler = after('-s');
    if (words[0] === '-a') {
      const server = parseEndpoint(after('-r'), 'a server of ipvsadm');
      servers.push({ server, weight: words.includes('-w') ? Number(after('-w')) : 1, masquerades: words.includes('-m') });
    }
  }
  return scheduler === undefined ? undefined : { scheduler, servers };
}

/** Adds the virtual server. */
export const addService = (vs: Endpoint, scheduler: string): readonly string[] => ['-A', '-t', formatEndpoint(vs), '-s', scheduler];

/** Removes the virtual server with all that is behind it. */
export const removeService = (vs: Endpoint): readonly string[] => ['-D', '-t', formatEndpoint(vs)];

const place = (vs: Endpoint, server: Endpoint) => ['-t', formatEndpoint(vs), '-r', formatEndpoint(server)];

/** Puts a server behind the virtual one: masquerading, as the API servers know nothing of the virtual address. */
export const addServer = (vs: Endpoint, server: Endpoint, weight: number): readonly string[] => [
  '-a',
  ...place(vs, server),
  '-m',
  '-w',
  String(weight),
];

/** Takes a server out; its connections end. */
export const removeServer = (vs: Endpoint, server: Endpoint): readonly string[] => ['-d', ...place(vs, server)];

/**
 * The arguments of each call of `ipvsadm` that leads from what is there to what is wanted; none where it is so already. Well servers weigh
 * 1; a server that only keeps its connections weighs 0. First what is added, then what goes: there is always somewhere to go.
 */
export function ipvsChanges(
  vs: Endpoint,
  scheduler: string,
  current: IpvsService | undefined,
  members: Members,
): readonly (readonly string[])[] {
  const there = current?.servers ?? [];
  const changes: (readonly string[])[] = [];
  if (current === undefined) changes.push(addService(vs, scheduler));
  else if (current.scheduler !== scheduler) changes.push(['-E', '-t', formatEndpoint(vs), '-s', scheduler]);
  for (const server of members.living) {
    const weight = includesServer(members.targets, server) ? 1 : 0;
    const found = there.find((other) => isSameEndpoint(other.server, server));
    if (found === undefined) changes.push(addServer(vs, server, weight));
    else if (found.weight !== weight || !found.masquerades) changes.push(['-e', ...place(vs, server), '-m', '-w', String(weight)]);
  }
  for (const { server } of there) if (!includesServer(members.living, server)) changes.push(removeServer(vs, server));
  return changes;
}
