import type { Address, HostFacts } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { filesHash } from './files.ts';
import { finishing, readMarker } from './marker.ts';

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

/** The unit's start and stop as plain commands: the rules come back after a reboot, before the kubelet needs them. */
export function balancingCommands(
  balancing: Exclude<ApiBalancing, 'direct'>,
  vip: string,
  port: number,
  masters: readonly string[],
): { readonly up: string; readonly down: string } {
  if (balancing === 'ipvs') {
    const service = `${vip}:${port}`;
    return {
      up: [
        'modprobe ip_vs ip_vs_rr 2>/dev/null || true',
        `ipvsadm -D -t ${service} 2>/dev/null || true`,
        `ipvsadm -A -t ${service} -s rr`,
        ...masters.map((master) => `ipvsadm -a -t ${service} -r ${master}:${port} -m`),
      ].join('\n'),
      down: `ipvsadm -D -t ${service} 2>/dev/null || true`,
    };
  }
  const map = masters.map((master, index) => `${index} : ${master}`).join(', ');
  const rule = `ip daddr ${vip} tcp dport ${port} dnat to numgen inc mod ${masters.length} map { ${map} }`;
  return {
    up: `nft -f - <<'RULES'
table ip sealos_api
delete table ip sealos_api
table ip sealos_api {
  chain output { type nat hook output priority -100; ${rule}; }
  chain prerouting { type nat hook prerouting priority -100; ${rule}; }
}
RULES`,
    down: 'nft delete table ip sealos_api 2>/dev/null || true',
  };
}

function unitFiles(input: ApiAddressInput, worker: { readonly address: Address; readonly balancing: Exclude<ApiBalancing, 'direct'> }) {
  const { up, down } = balancingCommands(
    worker.balancing,
    input.vip,
    input.port,
    input.masters.map((master) => master.ip),
  );
  const { ip } = worker.address;
  const directory = `${input.layout.data}/api-address`;
  // A host without a default route still needs some route to the virtual address before the kernel's rules are asked.
  const route = `dev=$(ip -o addr show | awk -v ip='${ip}' '{ split($4, a, "/"); if (a[1] == ip) { print $2; exit } }')
ip route replace ${input.vip}/32 dev "\${dev%%@*}" src ${ip} metric 50`;
  return [
    { path: `${directory}/up.sh`, mode: 0o755, content: `#!/bin/bash\nset -eu\n${up}\n${route}\n` },
    { path: `${directory}/down.sh`, mode: 0o755, content: `#!/bin/bash\n${down}\nip route del ${input.vip}/32 2>/dev/null || true\n` },
    {
      path: `/etc/systemd/system/${UNIT}`,
      mode: 0o644,
      content: `[Unit]
Description=The cluster's API address ${input.vip}:${input.port} (${worker.balancing})
After=network-online.target
Wants=network-online.target
Before=kubelet.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${directory}/up.sh
ExecStop=${directory}/down.sh

[Install]
WantedBy=multi-user.target
`,
    },
  ];
}

/** The virtual address of the API on every worker. */
export function apiAddressStep(input: ApiAddressInput): Step {
  const balanced = input.workers.flatMap((worker) => (worker.balancing === 'direct' ? [] : [{ ...worker, balancing: worker.balancing }]));
  const filesOf = (ip: string) => balanced.filter((worker) => worker.address.ip === ip).flatMap((worker) => unitFiles(input, worker));
  return {
    id: 'api-address',
    title: "setting the API's address",
    hosts: balanced.map((worker) => worker.address),
    needs: input.needs,
    async check(host, { signal }) {
      const hash = filesHash(filesOf(host.address.ip));
      if ((await readMarker(host, input.layout, 'api-address', signal)) !== hash)
        return {
          what: `balance ${input.vip}:${input.port} over ${input.masters.length} control plane${input.masters.length === 1 ? '' : 's'}`,
        };
      const { exitCode } = await host.run(script`systemctl is-active --quiet ${UNIT}`, {
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
rm -f ${`/etc/systemd/system/${UNIT}`} && systemctl daemon-reload`,
        { title: "removing the API's address", signal },
      );
    },
  };
}
