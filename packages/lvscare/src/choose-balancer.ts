import { existsSync } from 'node:fs';
import type { Balancer } from './balancer.ts';
import { CareError } from './error.ts';
import { ipvsBalancer } from './ipvs-balancer.ts';
import { nftBalancer } from './nft-balancer.ts';
import type { CareOptions } from './options.ts';
import { callProgram } from './program.ts';

/** Whether a program runs here and ends well. */
async function works(program: string, args: readonly string[], signal: AbortSignal): Promise<boolean> {
  return callProgram(program, args, signal).then(
    ({ exitCode }) => exitCode === 0,
    () => false,
  );
}

/** Whether the kernel balances with IPVS; its modules are loaded where they can be. */
export async function hasIpvs(scheduler: string, signal: AbortSignal): Promise<boolean> {
  if (!existsSync('/proc/net/ip_vs')) await works('modprobe', ['ip_vs'], signal);
  if (!existsSync('/proc/net/ip_vs')) return false;
  await works('modprobe', [`ip_vs_${scheduler}`], signal);
  return works('ipvsadm', ['-S', '-n'], signal);
}

const hasNftables = (signal: AbortSignal) => works('nft', ['list', 'tables'], signal);

/** The balancer that was asked for, or the first that works here: IPVS, then nftables. Throws when none does. Decided once. */
export async function chooseBalancer({ vs, scheduler, backend }: CareOptions, signal: AbortSignal): Promise<Balancer> {
  if (backend !== 'nftables' && (await hasIpvs(scheduler, signal))) return ipvsBalancer(vs, scheduler);
  if (backend !== 'ipvs' && (await hasNftables(signal))) return nftBalancer(vs, scheduler);
  const lacking = { auto: 'neither IPVS nor nftables works', ipvs: 'IPVS does not work', nftables: 'nftables does not work' }[backend];
  throw new CareError(`${lacking} on this host: its kernel lacks it, or the right to change it is missing`);
}

/** Every balancer that works here: what is to be cleaned may be of either. */
export async function allBalancers({ vs, scheduler, backend }: CareOptions, signal: AbortSignal): Promise<readonly Balancer[]> {
  const found: Balancer[] = [];
  if (backend !== 'nftables' && existsSync('/proc/net/ip_vs')) found.push(ipvsBalancer(vs, scheduler));
  if (backend !== 'ipvs' && (await hasNftables(signal))) found.push(nftBalancer(vs, scheduler));
  return found;
}
