import { HostError } from '../error.ts';
import type { Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { KubernetesReport, NodeReport, PodReport } from './report.ts';

/** Go templates for kubectl: one object a line, parts separated by tabs; a fraction of what its JSON would be. */
const NODES = `{{range .items}}{{.metadata.name}}{{"\\t"}}{{range $key, $value := .metadata.labels}}{{$key}} {{end}}{{"\\t"}}{{range .status.addresses}}{{if eq .type "InternalIP"}}{{.address}} {{end}}{{end}}{{"\\t"}}{{range .status.conditions}}{{if eq .type "Ready"}}{{.status}} {{.reason}}{{end}}{{end}}{{"\\t"}}{{if .spec.unschedulable}}cordoned{{end}}{{"\\t"}}{{.status.nodeInfo.kubeletVersion}}{{"\\n"}}{{end}}`;
const PODS = `{{range .items}}{{.metadata.namespace}}{{"\\t"}}{{.metadata.name}}{{"\\t"}}{{.spec.nodeName}}{{"\\t"}}{{.status.phase}}{{"\\t"}}{{.status.reason}}{{"\\t"}}{{.metadata.deletionTimestamp}}{{"\\t"}}{{range .status.containerStatuses}}{{.name}}={{.ready}}={{if .state.waiting}}{{.state.waiting.reason}}{{end}}{{if .state.terminated}}{{.state.terminated.reason}}{{end}} {{end}}{{"\\n"}}{{end}}`;

/** What kubectl prints for a field that an object does not have. */
const known = (text: string | undefined) => (text === undefined || text === '<no value>' ? '' : text.trim());

/** Nodes as the template prints them. */
export function parseNodes(text: string): readonly NodeReport[] {
  return lines(text).map(([name = '', labels, addresses, ready, cordoned, version]) => {
    const [status = 'Unknown', ...reason] = known(ready).split(' ');
    return {
      name,
      ip: known(addresses).split(' ')[0] || undefined,
      ready: status === 'True',
      reason: status === 'True' ? undefined : reason.join(' ') || undefined,
      schedulable: known(cordoned) === '',
      roles: known(labels)
        .split(' ')
        .flatMap((label) => /^node-role\.kubernetes\.io\/(.+)$/.exec(label)?.[1] ?? []),
      version: known(version),
    };
  });
}

/** Why a pod is not well, or undefined. */
function troubleOf([, , , phase, reason, deleted, containers]: readonly string[]): string | undefined {
  if (known(phase) === 'Succeeded') return undefined;
  if (known(deleted) !== '') return 'is being deleted';
  const waiting = known(containers)
    .split(' ')
    .filter((container) => container !== '')
    .map((container) => container.split('='));
  const [unready] = waiting.filter(([, ready]) => ready !== 'true');
  if (known(phase) === 'Running' && !unready) return undefined;
  const why = known(unready?.[2]) || known(reason);
  if (known(phase) === 'Running') return `container ${unready?.[0]} is not ready${why ? ` (${why})` : ''}`;
  return why ? `${known(phase)} (${why})` : known(phase);
}

/** Pods as the template prints them: how many, and those that are not well. */
export function parsePods(text: string): KubernetesReport['pods'] {
  const all = lines(text);
  const unwell = all.flatMap((pod): readonly PodReport[] => {
    const why = troubleOf(pod);
    return why === undefined ? [] : [{ namespace: known(pod[0]), name: known(pod[1]), node: known(pod[2]), why }];
  });
  return { total: all.length, unwell };
}

function lines(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.includes('\t'))
    .map((line) => line.split('\t'));
}

const MARK = '--- sealos ---';

async function askOn(host: Host, kubeconfig: string, timeout: number, signal: AbortSignal): Promise<KubernetesReport> {
  const kubectl = script`timeout ${Math.ceil(timeout / 1000)} kubectl --kubeconfig ${kubeconfig} --request-timeout=${Math.ceil(timeout / 1000)}s`;
  const { stdout } = await host.run(
    script`export LC_ALL=C
${kubectl} get nodes -o ${`go-template=${NODES}`} || exit $?
echo ${MARK}
${kubectl} get pods --all-namespaces -o ${`go-template=${PODS}`} || exit $?
echo ${MARK}
${kubectl} get --raw '/readyz?verbose' 2>&1 || true`,
    { title: 'asking Kubernetes', signal, timeout },
  );
  const [nodes = '', pods = '', checks = ''] = stdout.split(`${MARK}\n`);
  return {
    askedOn: host.name,
    problem: undefined,
    nodes: parseNodes(nodes),
    pods: parsePods(pods),
    failingChecks: checks.split('\n').flatMap((line) => /^\[-\](\S+) failed/.exec(line)?.[1] ?? []),
  };
}

/** Nodes, pods and the API's own checks, through the first of the control planes that answers, with the administrator's kubeconfig there. `timeout` in milliseconds for each. */
export async function kubernetesView(
  masters: readonly Host[],
  kubeconfig: string,
  timeout: number,
  signal: AbortSignal,
): Promise<KubernetesReport> {
  let problem = 'no control plane can be reached';
  for (const host of masters) {
    try {
      return await askOn(host, kubeconfig, timeout, signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof HostError)) throw error;
      const said = error.output?.trim().split('\n').at(-1);
      problem = said ? `${host.name}: ${said}` : error.message;
    }
  }
  return { askedOn: undefined, problem, nodes: [], pods: { total: 0, unwell: [] }, failingChecks: [] };
}
