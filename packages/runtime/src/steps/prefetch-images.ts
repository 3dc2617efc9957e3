import type { Address } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { isPartOfCluster } from './membership.ts';

/** Seconds after which no other image is begun, and for a single one, behind which none is tried: what cannot be had must not hold the cluster up. */
const LAST_BEGIN = 120;
const SINGLE = 60;

/**
 * Fetches the container images of Kubernetes on hosts that become control planes, from the cluster's registry: each join would wait for them, one
 * after the other. What cannot be fetched here is left to kubeadm, which says why it cannot be had.
 */
export function prefetchImagesStep(input: {
  readonly id: string;
  readonly title: string;
  readonly layout: HostLayout;
  readonly hosts: readonly Address[];
  readonly needs: readonly string[];
}): Step {
  const { id, title, layout, hosts, needs } = input;
  const list = `${layout.rootfs}/images/shim/DefaultImageList`;
  return {
    id,
    title,
    hosts,
    needs,
    async check(host, { signal }) {
      return (await isPartOfCluster(host, layout, signal)) ? 'done' : { what: 'fetch the container images of Kubernetes' };
    },
    async apply(host, { signal }) {
      await host.run(
        script`if [ -f ${list} ] && command -v crictl >/dev/null; then
  end=$((SECONDS + ${LAST_BEGIN}))
  grep -v '^ *\\(#\\|$\\)' ${list} | while read -r image && [ "$SECONDS" -lt "$end" ]; do timeout ${SINGLE} crictl pull "$image" </dev/null >/dev/null 2>&1 || [ "$?" != 124 ] || break; done
fi`,
        { title, signal, timeout: 2 * (LAST_BEGIN + SINGLE) * 1000, allowFailure: true },
      );
    },
  };
}
