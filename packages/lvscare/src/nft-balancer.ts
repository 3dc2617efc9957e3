import type { Balancer } from './balancer.ts';
import type { Endpoint } from './endpoint.ts';
import { nftRules, nftTable } from './nft-rules.ts';
import { callProgram, runProgram } from './program.ts';

/** Balances with rules of nftables. `scheduler` is one of IPVS' names: `sh` goes by the client's address, all others take turns. */
export function nftBalancer(vs: Endpoint, scheduler: string): Balancer {
  const table = nftTable(vs).split(' ');
  // nft prints rules in a form of its own: what it printed after we set them is what it prints as long as nobody else has.
  let ours: { readonly rules: string; readonly listed: string } | undefined;

  /** The table as nft prints it; undefined where there is none. */
  async function list(signal: AbortSignal): Promise<string | undefined> {
    const { exitCode, stdout } = await callProgram('nft', ['list', 'table', ...table], signal);
    return exitCode === 0 ? stdout : undefined;
  }
  const isFor = (listed: string | undefined) => listed?.includes(` daddr ${vs.ip} tcp dport ${vs.port} `) ?? false;

  return {
    name: 'nftables',
    async exists(signal) {
      return isFor(await list(signal));
    },
    async put(members, signal) {
      const rules = nftRules(vs, members, scheduler);
      if (ours?.rules === rules && (await list(signal)) === ours.listed) return false;
      // As an argument: nft opens its standard input by name, which a socket, as Node gives to its children, does not allow.
      await runProgram('nft', [rules], signal);
      ours = { rules, listed: (await list(signal)) ?? '' };
      return true;
    },
    async clear(signal) {
      ours = undefined;
      if (isFor(await list(signal))) await runProgram('nft', ['delete', 'table', ...table], signal);
    },
  };
}
