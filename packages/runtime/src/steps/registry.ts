import { script } from '../host/script.ts';
import type { PlanShape } from '../plan/plan-input.ts';
import { awaitRegistry, registryListens } from '../registry-config/await-registry.ts';
import type { Step } from '../step.ts';
import { type LifecycleInput, lifecycleStep } from './lifecycle.ts';

/**
 * The cluster's registry on its host: the data directory becomes a link to the images' `registry/`, then the image's own
 * `init-registry` starts it; it is done when the port answers (sealos-interop.md §6.3).
 */
export function registryStep(shape: PlanShape, lifecycle: Pick<LifecycleInput, 'script' | 'clean' | 'timeout' | 'needs'>): Step {
  const { layout, registry } = shape;
  const step = lifecycleStep({
    ...lifecycle,
    id: 'init-registry',
    title: 'starting the registry',
    layout,
    hosts: shape.hosts.filter(({ address }) => address.ip === registry.host.ip),
    async before(host, { signal }) {
      // What is there is somebody's, a directory with data or a link of the system's (/var/run): only a cluster's own link makes room.
      await host.run(
        script`mkdir -p ${`${layout.rootfs}/registry`} "$(dirname ${registry.data})"
if [ -L ${registry.data} ]; then
  case "$(readlink -- ${registry.data})" in */rootfs/registry) ;; *) [ ! -e ${registry.data} ] ;; esac
else
  [ ! -e ${registry.data} ] || rmdir ${registry.data} 2>/dev/null
fi || { echo ${`${registry.data} holds data that is not of this cluster; move it away, or choose another place with -e registryData=DIR`} >&2; exit 1; }
ln -sfn ${`${layout.rootfs}/registry`} ${registry.data}`,
        { title: 'linking the registry to its data', signal },
      );
    },
    async after(host, { signal }) {
      await host.run(awaitRegistry(registry.port), { title: 'waiting for the registry', signal });
    },
  });
  return {
    ...step,
    async check(host, context) {
      const state = await step.check(host, context);
      if (state !== 'done') return state;
      const { exitCode } = await host.run(registryListens(registry.port), {
        title: 'asking the registry',
        signal: context.signal,
        allowFailure: true,
      });
      return exitCode === 0 ? 'done' : { what: 'start the registry again' };
    },
    async undo(host, context) {
      await step.undo?.(host, context);
      await host.run(script`case "$(readlink -- ${registry.data})" in */rootfs/registry) rm -f -- ${registry.data} ;; esac`, {
        title: 'removing the registry link',
        signal: context.signal,
      });
    },
  };
}
