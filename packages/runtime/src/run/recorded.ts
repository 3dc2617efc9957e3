import type { Cluster } from '../cluster/cluster.ts';
import type { RunEvent } from '../event.ts';
import { withCommandCondition, withPhase } from './remember.ts';

const now = () => new Date().toISOString().replace(/\.\d+Z$/, 'Z');

export interface Recording {
  /** What the state says from before the first change on. */
  readonly before: Cluster;
  /** What it says when only an image's commands failed. */
  readonly standing: Cluster;
  /** What it says when all went well. */
  readonly after: Cluster;
  readonly requested: readonly string[];
  /** Steps that run images' commands. */
  readonly applications: ReadonlySet<string>;
  readonly write: (cluster: Cluster) => Promise<void>;
  readonly execute: (watch: (event: RunEvent) => void) => Promise<number>;
}

/** Executes between the two writings of the state: it says `InProcess` from before the first change on, and how it ended. */
export async function recorded({ before, standing, after, requested, applications, write, execute }: Recording): Promise<number> {
  const begun = withPhase(before, 'ClusterInProcess', now());
  await write(begun);
  const createdAt = begun.createdAt ?? now();
  let failedStep: string | undefined;
  try {
    const changed = await execute((event) => {
      if (event.kind === 'step-failed') failedStep ??= event.step;
    });
    await write(withCommandCondition(withPhase({ ...after, createdAt }, 'ClusterSuccess', now()), requested, now()));
    return changed;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // An application that fails does not make the cluster a failed one.
    const stands = failedStep !== undefined && applications.has(failedStep);
    await write(
      stands
        ? withCommandCondition(withPhase({ ...standing, createdAt }, 'ClusterSuccess', now()), requested, now(), message)
        : withPhase(begun, 'ClusterFailed', now(), message),
    );
    throw error;
  }
}
