import type { ClusterReport, HostReport } from '@sealos/runtime';
import { formatBytes, formatTable } from './output.ts';

function hostRow(host: HostReport, report: ClusterReport): readonly string[] {
  const node = report.kubernetes?.nodes.find(({ ip }) => ip === host.ip);
  const disk = host.disks.toSorted((one, other) => one.freeBytes / one.totalBytes - other.freeBytes / other.totalBytes)[0];
  const skew = host.facts?.clockSkewSeconds ?? 0;
  return [
    host.host,
    host.roles.filter((role) => !/^(amd64|arm64)$/.test(role)).join(','),
    host.unreachable === undefined ? 'up' : 'down',
    node ? `${node.name} ${node.ready ? 'Ready' : 'NotReady'}${node.schedulable ? '' : ',cordoned'}` : '-',
    host.versions['kubelet'] ?? '-',
    host.versions['containerd'] ?? (host.versions['docker'] ? `docker ${host.versions['docker']}` : '-'),
    host.facts ? `${host.facts.os.replace(/ \(.*\)$/, '')} ${host.facts.architecture}` : '-',
    host.facts?.kernel ?? '-',
    disk ? `${formatBytes(disk.freeBytes)} (${Math.round((100 * disk.freeBytes) / disk.totalBytes)} %)` : '-',
    host.facts ? `${skew > 0 ? '+' : ''}${skew.toFixed(1)} s` : '-',
    host.certificate?.end.slice(0, 10) ?? '-',
  ];
}

function services(host: HostReport): string {
  if (host.unreachable !== undefined) return host.unreachable.split('\n')[0] ?? '';
  const api = host.api.server === undefined ? [] : [`API server ${host.api.server}`];
  return [...host.services.map(({ name, active }) => `${name} ${active}`), ...api].join(', ') || 'none';
}

function apiLine({ host, api }: HostReport): readonly string[] {
  const address = api.address ?? 'unknown';
  return [
    host,
    api.members === undefined ? address : `${address} -> ${api.members.join(', ') || 'nowhere'}`,
    api.reachable ? 'reached' : 'not reached',
  ];
}

function clusterLines({ registry, etcd, kubernetes }: ClusterReport): readonly string[] {
  const where = `${registry.address ?? 'registry'} on ${registry.hosts.join(', ')}`;
  const lines = [
    `registry    ${where}: ${registry.healthy ? `answers, ${registry.repositories} repositories` : registry.problem}`,
    kubernetes?.problem === undefined
      ? `kubernetes  ${kubernetes?.nodes.filter(({ ready }) => ready).length ?? 0} of ${kubernetes?.nodes.length ?? 0} nodes ready, ${kubernetes?.pods.total ?? 0} pods, ${kubernetes?.pods.unwell.length ?? 0} of them not well`
      : `kubernetes  ${kubernetes.problem.split('\n')[0]}`,
  ];
  if (!etcd) return lines;
  const leader = etcd.members.find(({ isLeader }) => isLeader)?.endpoint;
  const well = etcd.members.filter(({ healthy }) => healthy).length;
  return [
    ...lines,
    `etcd        ${well} of ${etcd.members.length} members well${leader ? `, leader ${leader}` : ''}; ${etcd.quorum ? `${etcd.tolerance} more may be lost` : 'NO QUORUM'}`,
  ];
}

/** A report as a page of text; the problems come last. */
export function statusText(report: ClusterReport): string {
  const words: Readonly<Record<string, string>> = {
    ClusterSuccess: 'stands',
    ClusterFailed: 'its last change failed',
    ClusterInProcess: 'being changed',
  };
  const title = `cluster '${report.name}': ${words[report.phase ?? ''] ?? 'unknown'}${report.createdAt ? `, made ${report.createdAt}` : ''}`;
  const parts = [
    report.busy === undefined ? title : `${title}\nat work now: ${report.busy}`,
    formatTable(
      ['HOST', 'ROLES', 'STATE', 'NODE', 'KUBELET', 'CONTAINERD', 'SYSTEM', 'KERNEL', 'DISK FREE', 'CLOCK', 'CERTIFICATES UNTIL'],
      report.hosts.map((host) => hostRow(host, report)),
    ),
    formatTable(
      ['HOST', 'SERVICES'],
      report.hosts.map((host) => [host.host, services(host)]),
    ),
    formatTable(['HOST', 'API ADDRESS', ''], report.hosts.filter(({ unreachable }) => unreachable === undefined).map(apiLine)),
    clusterLines(report).join('\n'),
    formatTable(
      ['IMAGE', 'TYPE', 'RAN'],
      report.applications.map(({ image, type, ranAt }) => [image, type, ranAt ?? '-']),
    ),
    report.problems.length === 0
      ? 'no problems'
      : [
          `${report.problems.length} problem${report.problems.length === 1 ? '' : 's'}`,
          ...report.problems.map(({ host, message, hint }) => `  ${host ? `${host}: ` : ''}${message} (${hint})`),
        ].join('\n'),
  ];
  return parts.join('\n\n');
}
