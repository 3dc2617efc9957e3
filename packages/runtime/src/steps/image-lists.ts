import type { Address } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';

/** Where the shim of the images of 2022 looks which container images the cluster's registry has (sealos-interop.md §6.9, [4.1]). */
const DIRECTORY = '/var/lib/image-cri-shim';

/** The lists of `images/shim` on every host, as sealos 4.1 put them there before an image's `init`. */
export function imageListsStep(input: {
  readonly layout: HostLayout;
  readonly hosts: readonly Address[];
  readonly needs: readonly string[];
}): Step {
  const lists = `${input.layout.rootfs}/images/shim`;
  return {
    id: 'image-lists',
    title: 'placing the lists of container images',
    hosts: input.hosts,
    needs: input.needs,
    async check(host, { signal }) {
      const { exitCode } = await host.run(script`[ ! -d ${lists} ] || diff -rq ${lists} ${DIRECTORY} >/dev/null 2>&1`, {
        title: 'comparing the lists of container images',
        signal,
        allowFailure: true,
      });
      return exitCode === 0 ? 'done' : { what: `copy images/shim to ${DIRECTORY}` };
    },
    async apply(host, { signal }) {
      await host.run(
        script`rm -rf ${`${DIRECTORY}.new`} && cp -r ${lists} ${`${DIRECTORY}.new`} && rm -rf ${DIRECTORY} && mv -T ${`${DIRECTORY}.new`} ${DIRECTORY}`,
        { title: 'placing the lists of container images', signal },
      );
    },
    async undo(host, { signal }) {
      await host.run(script`rm -rf ${DIRECTORY} ${`${DIRECTORY}.new`}`, { title: 'removing the lists of container images', signal });
    },
  };
}
