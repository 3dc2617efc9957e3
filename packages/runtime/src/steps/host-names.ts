import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import { hostsEntryRemovalScript, hostsEntryScript } from '../registry-config/hosts-file.ts';
import type { Step } from '../step.ts';

export interface HostName {
  readonly domain: string;
  readonly ip: string;
}

export interface HostNamesInput {
  readonly id: string;
  readonly title: string;
  readonly needs: readonly string[];
  readonly hosts: readonly { readonly address: Address; readonly names: readonly HostName[] }[];
}

/** Names that a cluster's hosts know from their `/etc/hosts` (sealos-interop.md §6.3). */
export function hostNamesStep(input: HostNamesInput): Step {
  const namesOf = (host: Host) => input.hosts.find(({ address }) => address.ip === host.address.ip)?.names ?? [];
  return {
    id: input.id,
    title: input.title,
    hosts: input.hosts.map(({ address }) => address),
    needs: input.needs,
    async check(host, { signal }) {
      const missing: string[] = [];
      for (const { domain, ip } of namesOf(host)) {
        const known = script`awk -v ip=${ip} -v name=${domain} '$1 == ip { for (i = 2; i <= NF; i++) if ($i == name) found = 1 } $1 != ip && $1 !~ /^#/ { for (i = 2; i <= NF && $i !~ /^#/; i++) if ($i == name) other = 1 } END { exit !(found && !other) }' /etc/hosts`;
        const { exitCode } = await host.run(known, { title: 'reading /etc/hosts', signal, allowFailure: true });
        if (exitCode !== 0) missing.push(`${domain} -> ${ip}`);
      }
      return missing.length === 0 ? 'done' : { what: `add ${missing.join(', ')} to /etc/hosts` };
    },
    async apply(host, { signal }) {
      for (const { domain, ip } of namesOf(host)) await host.run(hostsEntryScript(domain, ip), { title: 'writing /etc/hosts', signal });
    },
    async undo(host, { signal }) {
      for (const { domain } of namesOf(host)) await host.run(hostsEntryRemovalScript(domain), { title: 'cleaning /etc/hosts', signal });
    },
  };
}
