// The program `lvscare`, as it runs on every worker.
import { care, clean, type Log } from './care.ts';
import { allBalancers, chooseBalancer } from './choose-balancer.ts';
import { CareError } from './error.ts';
import { parseCareOptions } from './options.ts';

const USAGE = `lvscare care --vs IP:PORT --rs IP:PORT... [flags]   balance a virtual server in the kernel over those of its servers that are well
lvscare care -C --vs IP:PORT                       remove it

  --vs IP:PORT                     the virtual server
  --rs IP:PORT                     a server behind it; may be repeated
  --backend auto|ipvs|nftables     how the kernel does it (auto: IPVS where it has it)
  --scheduler rr                   rr, lc, dh, sh, wrr, wlc (nftables: sh goes by the client's address, all others take turns)
  --mode route                     route: give the virtual address a route of this host's; "": do not
  --ip IP                          this node's address (else LVSCARE_NODE_IP, else the name lvscare.node.ip)
  --interval 5s                    time from one check to the next
  --run-once                       check once, set the rules and end
  -C, --clean                      remove the virtual server and its route
  --health-path /healthz           --health-schem https        --health-req-method GET
  --health-req-body TEXT           --health-req-headers K=V    --health-status CODE    (else 200 to 399)
  --health-timeout 10s             --health-insecure-skip-verify=true
  --health-ca FILE                 --health-server-name NAME
  --logger INFO                    INFO or DEBG
Flags that are not given are read from the environment: CARE_<FLAG>, in capitals, with _ for -.
`;

async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const [command, ...rest] = args;
  if (command === undefined || ['help', '--help', '-h'].includes(command) || rest.includes('--help')) {
    process.stdout.write(USAGE);
    return;
  }
  if (command !== 'care') throw new CareError(`'${command}' is not a command: lvscare care takes care of a virtual server`, 2);
  const options = parseCareOptions(rest, env);
  const stop = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());
  const log: Log = (level, line) => {
    if (level === 'info' || options.debug) process.stderr.write(`${new Date().toISOString()} ${line}\n`);
  };
  if (options.clean) await clean(options, await allBalancers(options, stop.signal), stop.signal);
  else await care(options, await chooseBalancer(options, stop.signal), log, stop.signal);
}

main(process.argv.slice(2), process.env).catch((error: unknown) => {
  process.stderr.write(
    error instanceof CareError ? `lvscare: ${error.message}\n` : `lvscare: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
  process.exitCode = error instanceof CareError ? error.exitCode : 1;
});
