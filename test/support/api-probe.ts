// A client of the cluster's API on one of its workers: curl, which reads and writes a ConfigMap in turn through the virtual address.
import assert from 'node:assert/strict';
import type { Scenario, ScenarioHost } from '../cluster/scenarios/context.ts';

export interface ApiProbeResult {
  readonly requests: number;
  readonly failures: number;
  /** Milliseconds between two answers, the longest. */
  readonly longestGap: number;
  /** The ConfigMap holds the last number that a write was acknowledged for, or one that was sent after it. */
  readonly kept: boolean;
}

const DIRECTORY = '/root/api-probe';
const NAME = 'api-probe';

/** `MILLISECONDS OPERATION STATUS NUMBER` a line, in the order of the answers. */
export function readProbe(text: string, last: number): ApiProbeResult {
  const lines = text.split('\n').flatMap((line) => {
    const [at, operation, status, number] = line.split(' ');
    return number === undefined ? [] : [{ at: Number(at), operation, ok: status === '200', number: Number(number) }];
  });
  const answered = lines.filter(({ ok }) => ok);
  const gaps = answered.map(({ at }, index) => at - (answered[index - 1]?.at ?? at));
  const written = answered.findLast(({ operation }) => operation === 'write')?.number ?? 0;
  return {
    requests: lines.length,
    failures: lines.length - answered.length,
    longestGap: Math.max(0, ...gaps),
    kept: last >= written,
  };
}

/** Starts a client on a worker that asks `url` (`https://VIP:6443`) ten times a second, and never waits longer than 2 s for an answer. */
export async function startApiProbe({ kubectl, on }: Scenario, worker: ScenarioHost, url: string): Promise<() => Promise<ApiProbeResult>> {
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '-o', 'json']));
  const [cluster, user] = [config.clusters[0]?.cluster, config.users[0]?.user];
  assert.ok(cluster && user, 'root on the first control plane has a kubeconfig');
  await kubectl(['create', 'configmap', NAME, '--from-literal=number=0']);
  const files = { ca: cluster['certificate-authority-data'], crt: user['client-certificate-data'], key: user['client-key-data'] };
  const writing = Object.entries(files).map(([name, data]) => `echo ${data} | base64 -d > ${DIRECTORY}/${name}`);
  const curl = `curl -s -o /dev/null -w '%{http_code}' --max-time 2 --cacert ${DIRECTORY}/ca --cert ${DIRECTORY}/crt --key ${DIRECTORY}/key`;
  const thing = `${url}/api/v1/namespaces/default/configmaps/${NAME}`;
  const loop = `n=0
while [ -e ${DIRECTORY}/crt ]; do
  n=$((n + 1))
  begun=$(date +%s%3N)
  if [ $((n % 2)) = 0 ]; then operation=read; status=$(${curl} ${thing})
  else operation=write; status=$(${curl} -X PATCH -H 'Content-Type: application/merge-patch+json' -d '{"data":{"number":"'$n'"}}' ${thing}); fi
  now=$(date +%s%3N)
  echo "$now $operation $status $n" >> ${DIRECTORY}/log
  if [ $((now - begun)) -lt 100 ]; then sleep 0.$(printf %03d $((100 - now + begun))); fi
done`;
  await on(
    worker.ip,
    `umask 077; mkdir -p ${DIRECTORY}; ${writing.join('; ')}; cat > ${DIRECTORY}/loop <<'LOOP'\n${loop}\nLOOP
nohup setsid bash ${DIRECTORY}/loop > /dev/null 2>&1 < /dev/null &`,
  );
  return async () => {
    const log = await on(worker.ip, `rm -f ${DIRECTORY}/crt; sleep 3; cat ${DIRECTORY}/log; rm -rf ${DIRECTORY}`);
    const last = Number(await kubectl(['get', 'configmap', NAME, '-o', 'jsonpath={.data.number}']));
    await kubectl(['delete', 'configmap', NAME]);
    return readProbe(log, last);
  };
}
