import { readFile, writeFile } from 'node:fs/promises';
import type { Balancer } from './balancer.ts';
import type { Endpoint } from './endpoint.ts';
import { ipvsChanges, parseIpvs, removeService } from './ipvs-rules.ts';
import { runProgram } from './program.ts';

// A connection to a server that was taken out is forgotten at its next packet, which then meets the host itself and is answered with a
// reset. Without it the kernel drops such packets for as long as the client sends them (Documentation/networking/ipvs-sysctl.rst).
const EXPIRE = '/proc/sys/net/ipv4/vs/expire_nodest_conn';

/** Balances with IPVS. */
export function ipvsBalancer(vs: Endpoint, scheduler: string): Balancer {
  const read = async (signal: AbortSignal) => parseIpvs(await runProgram('ipvsadm', ['-S', '-n'], signal), vs);
  return {
    name: 'ipvs',
    async exists(signal) {
      return (await read(signal)) !== undefined;
    },
    async put(members, signal) {
      if ((await readFile(EXPIRE, 'utf8')).trim() !== '1') await writeFile(EXPIRE, '1');
      const changes = ipvsChanges(vs, scheduler, await read(signal), members);
      for (const args of changes) await runProgram('ipvsadm', args, signal);
      return changes.length > 0;
    },
    async clear(signal) {
      if ((await read(signal)) !== undefined) await runProgram('ipvsadm', removeService(vs), signal);
    },
  };
}
