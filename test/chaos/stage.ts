// Where stories are told: lab hosts as they were when new, an operator's state, and everything that can be seen from outside.
import { globSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LabHost, openLab } from '@sealos/lab';
import type { Ended, RunOptions } from '../cluster/scenarios/context.ts';
import { type ClusterDump, clusterDump, compareClusterDump, lastingClusterDifferences } from '../support/cluster-dump.ts';
import { type HostState, hostState, lastingDifferences, onLabHost } from '../support/host-state.ts';
import { runOperator, scenarioCluster } from '../support/scenario-cluster.ts';
import { until } from '../support/until.ts';
import type { Chapter } from './story.ts';

export interface Stage {
  readonly hosts: readonly LabHost[];
  /** Names of the hosts by their addresses. */
  readonly names: ReadonlyMap<string, string>;
  operator(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** The cluster at the end of a chapter as text, once it stays as it is; nothing where there is none. */
  dump(chapter: Chapter): Promise<ClusterDump>;
  /** What is not as it should be at the end of a chapter, for as long as it may take to become so. */
  faults(chapter: Chapter, expected: ClusterDump): Promise<readonly string[]>;
  /** Resolves when no process of the operator is left on any host; throws when some are after 20 s. */
  quiet(): Promise<void>;
}

export interface StageOptions {
  readonly lab: ReturnType<typeof openLab>;
  readonly hosts: readonly LabHost[];
  /** `SEALOS_STORAGE` with the images of the story. */
  readonly storage: string;
  /** An empty directory for the operator's state and temporary files. */
  readonly work: string;
}

/** Whatever a call had started on a host, or left beside its files there. */
const REMAINS = "ls -d /var/tmp/sealos-* 2>/dev/null; ps -eo args= | grep -E '^(tar|zstd|gzip|kubeadm) |[s]cripts/' || true";
const SETTLED = 300_000;
/** A look takes seconds of a processor. */
const BETWEEN_LOOKS = 3000;

/** Takes the hosts as they are for how they should be without a cluster. */
export async function openStage({ lab, hosts, storage, work }: StageOptions): Promise<Stage> {
  const root = join(work, 'state');
  const temporary = join(work, 'tmp');
  for (const directory of [root, temporary]) mkdirSync(directory, { recursive: true });
  const env = { SEALOS_STORAGE: storage, SEALOS_RUNTIME_ROOT: root, TMPDIR: temporary };
  const [first] = hosts;
  if (!first) throw new Error('a stage needs hosts');
  const login = ['-i', first.sshKey, '--known-hosts', first.knownHosts];
  const untouched = new Map<string, HostState>();
  for (const { name } of hosts) untouched.set(name, await hostState(lab, name));

  const input = (chapter: Chapter) => ({
    kubectl: scenarioCluster({ lab, hosts, env, masters: chapter.masters, workers: chapter.workers }).kubectl,
    hosts: { lab, names: [...chapter.masters, ...chapter.workers] },
  });

  /** Of the operator's own directories the names of what is there: journals, snapshots and retired Clusterfiles are kept by intent. */
  const kept = () => [
    ...globSync('**', { cwd: root })
      .filter((path) => !/(^|\/)(logs|backups)(\/|$)|Clusterfile\.\d+$/.test(path) && path !== '.')
      .map((path) => `operator has ${path}`),
    ...readdirSync(temporary)
      // Node's own, and not the operator's.
      .filter((path) => path !== 'node-compile-cache')
      .map((path) => `operator left ${path} in its temporary directory`),
  ];

  const cluster = async (chapter: Chapter) => (chapter.masters.length === 0 ? [] : await clusterDump(input(chapter)));

  return {
    hosts,
    names: new Map(hosts.map(({ ip, name }) => [ip, name])),
    operator: (args, options) => runOperator(args, login, env, options),
    async dump(chapter) {
      let last: ClusterDump | undefined;
      const look = async () => {
        const now = await cluster(chapter);
        const before = last;
        last = now;
        // Pods of a node that is gone are taken away by Kubernetes in its own time.
        const gone = hosts.map(({ name }) => name).filter((name) => ![...chapter.masters, ...chapter.workers].includes(name));
        const waits = now.some(
          (line) =>
            /^Pod of .*: (?!Running, ready|Succeeded)/.test(line) ||
            /^Node .* ready = (?!True)/.test(line) ||
            (line.startsWith('Pod of ') && gone.some((name) => line.includes(` on ${name}:`) || line.includes(`-${name}:`))),
        );
        return !waits && before !== undefined && compareClusterDump(before, now).length === 0 ? now : undefined;
      };
      const settled = await until('the cluster to stay as it is', SETTLED, look, BETWEEN_LOOKS);
      return [...settled, ...kept()];
    },
    async faults(chapter, expected) {
      const own = expected.filter((line) => line.startsWith('operator '));
      const lines = expected.filter((line) => !line.startsWith('operator '));
      const found = [...compareClusterDump(own, kept())];
      if (chapter.masters.length > 0) found.push(...(await lastingClusterDifferences(lines, input(chapter), SETTLED)));
      for (const { name } of hosts) {
        if ([...chapter.masters, ...chapter.workers].includes(name)) continue;
        const differences = await lastingDifferences(lab, name, untouched.get(name) ?? []);
        found.push(...differences.map((line) => `host ${name} is not as it was before: ${line}`));
      }
      return found;
    },
    async quiet() {
      for (const { name } of hosts) {
        let left = '';
        await until(`${name} to end what was begun there`, 20_000, async () => {
          left = await onLabHost(lab, name, REMAINS);
          return left === '' ? true : undefined;
        }).catch((error: unknown) => {
          throw new Error(`on ${name} is left: ${left.trim().replaceAll('\n', '; ')}`, { cause: error });
        });
      }
    },
  };
}
