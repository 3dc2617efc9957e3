import {
  addRoute,
  addServer,
  addService,
  allMembers,
  formatEndpoint,
  nftRules,
  nftTable,
  removeRoute,
  removeService,
} from '@sealos/lvscare';
import type { Address, HostFacts } from '../host/host.ts';
import { quote, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { filesHash } from './files.ts';
import { finishing, inputHash, readMarker } from './marker.ts';

/** How a worker reaches the control planes: balanced in its kernel at a virtual address, or, where the kernel can do neither, one of them directly. */
export type ApiBalancing = 'ipvs' | 'nftables' | 'direct';

/** IPVS where the kernel and the tools have it, else nftables, else none. */
export function chooseBalancing(facts: Pick<HostFacts, 'kernelFeatures' | 'tools'>): ApiBalancing {
  if (facts.kernelFeatures.ipvs && facts.tools.ipvsadm) return 'ipvs';
  if (facts.kernelFeatures.nftables && facts.tools.nft) return 'nftables';
  return 'direct';
}

export interface ApiAddressInput {
  readonly layout: HostLayout;
  readonly workers: readonly { readonly address: Address; readonly balancing: ApiBalancing }[];
  readonly masters: readonly Address[];
  readonly vip: string;
  readonly port: number;
  readonly needs: readonly string[];
}

const UNIT = 'sealos-api-address.service';

/** Gone with the host's power, as the kernel's rules are. */
const STATE = '/run/sealos-api-address';

/** A call of a program as a line of bash. */
const line = (program: string, args: readonly string[]) => [program, ...args].map(quote).join(' ');

/** Bash that sets the rules for all control planes, bash that is true where they are set, and bash that removes them. */
export interface BalancingCommands {
  readonly up: string;
  readonly present: string;
  readonly down: string;
}

/**
 * A worker's rules before anything checks the control planes: all of them are taken for well. Members that are there keep what is known of
 * them, and no connection to one of them is cut.
 */
export function balancingCommands(
  balancing: Exclude<ApiBalancing, 'direct'>,
  vip: string,
  port: number,
  masters: readonly string[],
): BalancingCommands {
  const vs = { ip: vip, port };
  const servers = masters.map((ip) => ({ ip, port }));
  const noNft = `nft delete table ${nftTable(vs)} 2>/dev/null || true`;
  const noIpvs = `${line('ipvsadm', removeService(vs))} 2>/dev/null || true`;
  if (balancing === 'nftables') {
    return {
      up: `${noIpvs}\nnft -f - <<'RULES'\n${nftRules(vs, allMembers(servers))}\nRULES`,
      present: `nft list table ${nftTable(vs)} >/dev/null 2>&1`,
      down: noNft,
    };
  }
  const service = formatEndpoint(vs);
  const has = (words: string) => `ipvsadm -S -n | grep -qF -- ${quote(words)}`;
  const ours = servers.map((server) => quote(formatEndpoint(server))).join('|');
  return {
    up: [
      noNft,
      'modprobe -a ip_vs ip_vs_rr 2>/dev/null || true',
      // A connection to a control plane that was taken out is forgotten, instead of its packets dropped for as long as they come.
      'echo 1 > /proc/sys/net/ipv4/vs/expire_nodest_conn',
      `${has(`-A -t ${service} `)} || ${line('ipvsadm', addService(vs, 'rr'))}`,
      ...servers.map(
        (server) => `${has(`-a -t ${service} -r ${formatEndpoint(server)} `)} || ${line('ipvsadm', addServer(vs, server, 1))}`,
      ),
      `ipvsadm -S -n | awk -v vs=${quote(service)} '$1 == "-a" && $3 == vs { print $5 }' | while read -r server; do
  case $server in
    ${ours}) ;;
    *) ipvsadm -d -t ${quote(service)} -r "$server" ;;
  esac
done`,
    ].join('\n'),
    present: has(`-A -t ${service} `),
    down: noIpvs,
  };
}

function unitFiles(input: ApiAddressInput, worker: { readonly address: Address; readonly balancing: Exclude<ApiBalancing, 'direct'> }) {
  const masters = input.masters.map(({ ip }) => ip);
  const { up, present, down } = balancingCommands(worker.balancing, input.vip, input.port, masters);
  const { ip } = worker.address;
  const directory = `${input.layout.data}/api-address`;
  const route = line('ip', addRoute(input.vip, 'SOURCE')).replace('SOURCE', '"$source"');
  return [
    {
      path: `${directory}/up.sh`,
      mode: 0o755,
      content: `#!/bin/bash
set -eu
# Where the rules are those of these control planes the guard may have changed them by what it found: they stay.
if [ "$(cat ${STATE} 2>/dev/null)" != ${inputHash(up)} ] || ! ${present}; then
  ${up}
  echo ${inputHash(up)} > ${STATE}
fi
# The address by which this host is known may be none of its own interfaces: then the one from which it reaches the control planes.
source=${ip}
if [ -z "$(ip -o addr show to ${ip})" ]; then source=$(ip -o route get ${masters[0] ?? ip} | sed -n 's/.* src \\([^ ]*\\).*/\\1/p'); fi
${route}
`,
    },
    {
      path: `${directory}/down.sh`,
      mode: 0o755,
      content: `#!/bin/bash
${down}
${line('ip', removeRoute(input.vip))} 2>/dev/null || true
rm -f ${STATE}
`,
    },
    { path: `${directory}/present.sh`, mode: 0o755, content: `#!/bin/bash\n${present}\n` },
    {
      path: `/etc/systemd/system/${UNIT}`,
      mode: 0o644,
      // Nothing is done when it stops: the kubelet and its pods live on then, and a new start sets only what is missing.
      content: `[Unit]
Description=The cluster's API address ${formatEndpoint({ ip: input.vip, port: input.port })} (${worker.balancing})
After=network-online.target
Wants=network-online.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${directory}/up.sh

[Install]
WantedBy=multi-user.target
`,
    },
  ];
}

/**
 * The virtual address of the API on every worker, before the kubelet needs it and after every start of the host. Done again with other
 * control planes it changes the rules in one moment; connections to those that stay live on, others are ended.
 */
export function apiAddressStep(input: ApiAddressInput): Step {
  const balanced = input.workers.flatMap((worker) => (worker.balancing === 'direct' ? [] : [{ ...worker, balancing: worker.balancing }]));
  const filesOf = (ip: string) => balanced.filter((worker) => worker.address.ip === ip).flatMap((worker) => unitFiles(input, worker));
  const directory = `${input.layout.data}/api-address`;
  return {
    id: 'api-address',
    title: "setting the API's address",
    hosts: balanced.map((worker) => worker.address),
    needs: input.needs,
    async check(host, { signal }) {
      const hash = filesHash(filesOf(host.address.ip));
      if ((await readMarker(host, input.layout, 'api-address', signal)) !== hash)
        return {
          what: `balance ${formatEndpoint({ ip: input.vip, port: input.port })} over ${input.masters.length} control plane${input.masters.length === 1 ? '' : 's'}`,
        };
      const { exitCode } = await host.run(script`systemctl is-active --quiet ${UNIT} && ${`${directory}/present.sh`}`, {
        title: 'asking for the API address',
        signal,
        allowFailure: true,
      });
      return exitCode === 0 ? 'done' : { what: 'set the rules again' };
    },
    async apply(host, { signal }) {
      const files = filesOf(host.address.ip);
      await host.writeFiles(files, { title: 'writing the API address unit', signal });
      await host.run(
        finishing(
          script`systemctl daemon-reload && systemctl enable --quiet ${UNIT} && systemctl restart ${UNIT}`,
          input.layout,
          'api-address',
          filesHash(files),
        ),
        { title: "setting the API's address", signal },
      );
    },
    async undo(host, { signal }) {
      await host.run(
        script`systemctl disable --now --quiet ${UNIT} 2>/dev/null || true
if [ -x ${`${directory}/down.sh`} ]; then ${`${directory}/down.sh`}; fi
rm -f ${`/etc/systemd/system/${UNIT}`} && systemctl daemon-reload`,
        { title: "removing the API's address", signal },
      );
    },
  };
}
