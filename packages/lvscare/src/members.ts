import { type Endpoint, isSameEndpoint } from './endpoint.ts';

/**
 * What a check found of one server. `unwell` answers, but not as it should: it gets no new connections and keeps those it has.
 * `silent` does not answer at all: whoever is still connected to it waits for nothing.
 */
export type Condition = 'well' | 'unwell' | 'silent';

/** What the kernel is to do with a virtual server's connections. */
export interface Members {
  /** New connections go to these; at least one. */
  readonly targets: readonly Endpoint[];
  /** Connections to these go on, the targets among them; connections to any other server are ended. */
  readonly living: readonly Endpoint[];
}

/** All servers as members: what is done before anything is known of them. */
export function allMembers(servers: readonly Endpoint[]): Members {
  return { targets: servers, living: servers };
}

/**
 * Chooses the members by what the checks found: those that are well; when none is, those that answer at least. When nothing answers at
 * all the answer is undefined: keep the last ones, for the fault may lie on this side.
 */
export function chooseMembers(found: readonly { readonly server: Endpoint; readonly condition: Condition }[]): Members | undefined {
  const those = (...conditions: readonly Condition[]) =>
    found.filter(({ condition }) => conditions.includes(condition)).map(({ server }) => server);
  const well = those('well');
  const living = those('well', 'unwell');
  if (living.length === 0) return undefined;
  return { targets: well.length > 0 ? well : living, living };
}

/** Whether a list names a server. */
export function includesServer(list: readonly Endpoint[], server: Endpoint): boolean {
  return list.some((other) => isSameEndpoint(other, server));
}
