import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { PlannedHost } from '../plan/plan-input.ts';
import type { Step, StepContext } from '../step.ts';
import { ADOPTED, finishing, readMarker, scriptHash } from './marker.ts';

export interface LifecycleInput {
  readonly id: string;
  readonly title: string;
  readonly layout: HostLayout;
  readonly hosts: readonly PlannedHost[];
  readonly needs: readonly string[];
  /** The image's script for one host, environment and all. */
  readonly script: (host: PlannedHost) => Script;
  /** Takes back what the script did; run on reset. */
  readonly clean?: ((host: PlannedHost) => Script) | undefined;
  /** A script that must not run again once this marker is there (`check` looks for free ports that the cluster then uses). */
  readonly unlessDone?: string;
  readonly before?: (host: Host, context: StepContext) => Promise<void>;
  readonly after?: (host: Host, context: StepContext) => Promise<void>;
  /** Milliseconds. */
  readonly timeout: number | undefined;
}

/** One of the image's lifecycle scripts (`check`, `init-registry`, `init-cri`, `init`) on its hosts. */
export function lifecycleStep(input: LifecycleInput): Step {
  const planned = (host: Host): PlannedHost => {
    const found = input.hosts.find(({ address }) => address.ip === host.address.ip && address.port === host.address.port);
    if (!found) throw new Error(`step ${input.id} has no host ${host.name}`);
    return found;
  };
  const { clean } = input;
  const hashOf = (host: Host) => scriptHash(input.script(planned(host)));
  return {
    id: input.id,
    title: input.title,
    hosts: input.hosts.map((host) => host.address),
    needs: input.needs,
    async check(host, { signal }) {
      if (input.unlessDone && (await readMarker(host, input.layout, input.unlessDone, signal))) return 'done';
      const recorded = await readMarker(host, input.layout, input.id, signal);
      return recorded === hashOf(host) || recorded === ADOPTED ? 'done' : { what: `run the image's ${input.id} script` };
    },
    async apply(host, context) {
      await input.before?.(host, context);
      await host.run(finishing(input.script(planned(host)), input.layout, input.id, hashOf(host)), {
        title: input.title,
        signal: context.signal,
        timeout: input.timeout,
        onLine: context.onLine,
      });
      await input.after?.(host, context);
    },
    ...(clean && {
      undo: async (host: Host, { signal, onLine }: StepContext) => {
        // A reset that was cut off may have taken the scripts away already, after they had run.
        const scripts = `${input.layout.rootfs}/scripts`;
        await host.run(script`if [ -d ${scripts} ]; then ${clean(planned(host))} fi`, {
          title: `undoing: ${input.title}`,
          signal,
          timeout: input.timeout,
          onLine,
        });
      },
    }),
  };
}
