import type { ClusterCondition } from '../cluster/cluster.ts';
import type { ClusterReport, HostReport, Problem } from './report.ts';

const DAY = 86_400_000;
/** kubelet begins to evict pods when a tenth is left (its own default, and the images'). */
const DISK_LEFT = 0.1;
/** etcd's members and certificates that have just been made suffer first. */
const CLOCK = 2;
const CERTIFICATE_DAYS = 30;

type Findings = Omit<ClusterReport, 'problems'> & { readonly conditions: readonly ClusterCondition[] };

/** Everything in a report that is not as it should be, a line each with what to try. Pure; `now` in milliseconds. */
export function findProblems(report: Findings, now: number): readonly Problem[] {
  return [
    ...report.hosts.flatMap((host) => hostProblems(host, report, now)),
    ...kubernetesProblems(report),
    ...etcdProblems(report),
    ...registryProblems(report),
    ...runProblems(report),
  ];
}

function problem(host: string | undefined, message: string, hint: string): Problem {
  return { host, message, hint };
}

function hostProblems(host: HostReport, report: Findings, now: number): readonly Problem[] {
  const { host: name } = host;
  if (host.unreachable !== undefined)
    return [
      problem(
        name,
        host.unreachable.split('\n')[0] ?? '',
        'see whether it has power and network; one that is gone for good: sealos delete',
      ),
    ];
  const found: Problem[] = [];
  const add = (message: string, hint: string) => found.push(problem(name, message, hint));
  for (const service of host.services) {
    if (service.active !== 'active')
      add(
        `${service.name} is ${service.active}`,
        `sealos exec --ips ${host.ip} 'journalctl -n 30 -u ${service.name}'; then systemctl restart ${service.name} there`,
      );
    else if (!service.enabled)
      add(`${service.name} will not start with the host`, `sealos exec --ips ${host.ip} 'systemctl enable ${service.name}'`);
  }
  if (host.member === undefined) add('it has not joined the cluster', 'repeat the last run: it goes on where it stopped');
  else if (!host.services.some(({ name: service }) => service === 'kubelet' || service === 'k3s'))
    add('it has no kubelet', 'repeat the last run');
  for (const { mount, totalBytes, freeBytes } of host.disks)
    if (totalBytes > 0 && freeBytes < totalBytes * DISK_LEFT)
      add(
        `${mount} is ${Math.round(100 - (100 * freeBytes) / totalBytes)} % full`,
        'make room there: pods are evicted when a tenth is left',
      );
  const skew = host.facts?.clockSkewSeconds ?? 0;
  if (Math.abs(skew) > CLOCK)
    add(
      `its clock is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} this machine's`,
      'set up time synchronisation (chrony) on all hosts',
    );
  if (host.certificate) {
    const left = Math.floor((Date.parse(host.certificate.end) - now) / DAY);
    if (left < CERTIFICATE_DAYS)
      add(
        `${host.certificate.path} ${left < 0 ? `ended on ${host.certificate.end.slice(0, 10)}` : `ends in ${left} days`}`,
        'renew it: sealos cert',
      );
  }
  if (host.api.server !== undefined && host.api.server !== 'ok')
    add(`its API server: ${host.api.server}`, `sealos exec --ips ${host.ip} 'crictl ps -a --name kube-apiserver'`);
  if (host.api.address === undefined) add("it does not know the API's name", 'repeat the last run');
  else if (host.api.reachable === false)
    add(
      `it cannot reach the API at ${host.api.address}`,
      'see whether the control planes are well, and whether a firewall is between them',
    );
  if (host.reachesRegistry === false && report.registry.healthy)
    add("it cannot reach the cluster's registry", 'see whether a firewall is between them');
  return [...found, ...balancingProblems(host, report)];
}

function balancingProblems({ host, roles, api }: HostReport, report: Findings): readonly Problem[] {
  const masters = report.hosts.filter(({ roles }) => roles.includes('master'));
  if (api.members === undefined) {
    const isVirtual = api.address !== undefined && !roles.includes('master') && !masters.some(({ ip }) => ip === api.address);
    return isVirtual
      ? [problem(host, `its kernel has no rules for the API's address ${api.address}`, 'repeat the last run: it sets them again')]
      : [];
  }
  const serving = masters.filter((master) => master.api.server === 'ok').map(({ ip }) => ip);
  const again = 'repeat the last run: it sets the rules again';
  return [
    ...serving.filter((ip) => !api.members?.includes(ip)).map((ip) => problem(host, `it sends no API calls to ${ip}, which serves`, again)),
    ...api.members
      .filter((ip) => !masters.some((master) => master.ip === ip))
      .map((ip) => problem(host, `it sends API calls to ${ip}, which is no control plane of this cluster`, again)),
    ...api.members
      .filter((ip) => masters.some((master) => master.ip === ip) && !serving.includes(ip))
      .map((ip) =>
        problem(
          host,
          `it still sends API calls to ${ip}, which does not serve`,
          'bring that control plane back, or take it out: sealos delete',
        ),
      ),
  ];
}

function kubernetesProblems({ kubernetes, hosts }: Findings): readonly Problem[] {
  if (!kubernetes) return [];
  if (kubernetes.problem !== undefined)
    return [
      problem(undefined, `the Kubernetes API does not answer: ${kubernetes.problem}`, 'see what is wrong with the control planes and etcd'),
    ];
  const found: Problem[] = [];
  for (const node of kubernetes.nodes) {
    const at = hosts.find(({ ip }) => ip === node.ip)?.host ?? node.name;
    if (!node.ready)
      found.push(
        problem(at, `node ${node.name} is not ready${node.reason ? `: ${node.reason}` : ''}`, `kubectl describe node ${node.name}`),
      );
    if (!node.schedulable) found.push(problem(at, `node ${node.name} takes no new pods`, `kubectl uncordon ${node.name}`));
    if (!hosts.some(({ ip }) => ip === node.ip))
      found.push(
        problem(
          undefined,
          `node ${node.name} is in Kubernetes and no host of this cluster`,
          `kubectl delete node ${node.name}, if it is gone for good`,
        ),
      );
  }
  for (const { host, ip, member } of hosts)
    if (member !== undefined && !kubernetes.nodes.some((node) => node.ip === ip))
      found.push(problem(host, 'Kubernetes has no node of it', 'repeat the last run'));
  if (kubernetes.failingChecks.length > 0)
    found.push(
      problem(undefined, `checks of the API server fail: ${kubernetes.failingChecks.join(', ')}`, 'kubectl get --raw /readyz?verbose'),
    );
  const [first] = kubernetes.pods.unwell;
  if (first) {
    const { length } = kubernetes.pods.unwell;
    const more = length > 1 ? `, and ${length - 1} more` : '';
    found.push(
      problem(
        undefined,
        `pod ${first.namespace}/${first.name}: ${first.why}${more}`,
        `kubectl -n ${first.namespace} describe pod ${first.name}`,
      ),
    );
  }
  return found;
}

function etcdProblems({ etcd, hosts }: Findings): readonly Problem[] {
  if (!etcd) return [];
  const found = etcd.members
    // Of a host that is down it was said already.
    .filter(
      ({ problem: why, endpoint }) =>
        why !== undefined && !hosts.some(({ host, unreachable }) => host === endpoint && unreachable !== undefined),
    )
    .map((member) =>
      problem(member.endpoint, `etcd${member.name ? ` (member ${member.name})` : ''}: ${member.problem}`, 'sealos etcd health'),
    );
  if (etcd.members.length > 0 && !etcd.quorum)
    found.push(
      problem(
        undefined,
        'etcd has lost its quorum: nothing can be written',
        'bring a control plane back; if none comes back: sealos etcd restore',
      ),
    );
  return found;
}

function registryProblems({ registry }: Findings): readonly Problem[] {
  if (registry.problem === undefined) return [];
  return [
    problem(
      registry.hosts[0],
      `the cluster's registry${registry.address ? ` ${registry.address}` : ''}: ${registry.problem}`,
      'images that no host has yet cannot be pulled; see the registry service there',
    ),
  ];
}

function runProblems({ phase, conditions, busy }: Findings): readonly Problem[] {
  const failed = conditions.filter(({ status }) => status === 'False');
  return [
    ...(phase === 'ClusterInProcess' && busy === undefined
      ? [
          problem(
            undefined,
            'the last change of this cluster was interrupted',
            'repeat it: it goes on where it stopped; sealos logs shows it',
          ),
        ]
      : []),
    ...failed.map(({ message, images }) =>
      problem(
        undefined,
        `the last run${images?.length ? ` of ${images.join(' ')}` : ''} failed: ${(message ?? '').split('\n')[0]}`,
        'sealos logs shows it; repeat it: it goes on where it stopped',
      ),
    ),
  ];
}
