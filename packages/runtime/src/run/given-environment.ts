import { SealosError } from '@sealos/image';
import * as v from 'valibot';
import type { Environment } from '../cluster/cluster.ts';
import type { ClusterState } from '../state/state.ts';

const FILE = 'environment.json';
const schema = v.record(v.string(), v.record(v.string(), v.string()));

/**
 * What `-e` gave each image so far, with what it gives those of this call laid over. It is kept (0600: it may hold passwords), so that
 * a later run of another image leaves the first ones as they are.
 */
export async function givenEnvironment(
  state: ClusterState,
  requested: ReadonlySet<string>,
  commandLine: Environment,
): Promise<ReadonlyMap<string, Environment>> {
  const text = await state.readSecret(FILE);
  const stored = v.safeParse(schema, text === undefined ? {} : JSON.parse(text));
  if (!stored.success)
    throw new SealosError('bad-state', `${state.etc}/${FILE} is damaged`, {
      hint: 'remove it, and name the -e settings of the cluster again',
    });
  const given = new Map<string, Environment>(Object.entries(stored.output).map(([name, env]) => [name, new Map(Object.entries(env))]));
  for (const name of requested) given.set(name, new Map([...(given.get(name) ?? []), ...commandLine]));
  return given;
}

export async function keepGivenEnvironment(state: ClusterState, given: ReadonlyMap<string, Environment>): Promise<void> {
  const plain = Object.fromEntries([...given].filter(([, env]) => env.size > 0).map(([name, env]) => [name, Object.fromEntries(env)]));
  await state.writeSecret(FILE, `${JSON.stringify(plain, undefined, 2)}\n`);
}
