import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { writeMarker } from '../steps/marker.ts';
import { isPartDone, partHash, partMarker, type UpgradeTarget } from './progress.ts';

/** The step that starts the registry, done once more for a new version even where its script reads as before: the program may be another. */
export function registryAgain(step: Step, layout: HostLayout, target: UpgradeTarget): Step {
  return {
    ...step,
    title: 'starting the new version of the registry',
    async check(host, context) {
      const done = await isPartDone(host, layout, target, 'registry', context.signal);
      return done ? step.check(host, context) : { what: "run the image's init-registry script" };
    },
    async apply(host, context) {
      await step.apply(host, context);
      await host.run(writeMarker(layout, partMarker(target, 'registry'), partHash(target)), {
        title: 'recording the registry',
        signal: context.signal,
      });
    },
  };
}
