import { SealosError } from '@sealos/image';
import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { finishing } from '../steps/marker.ts';
import { isPartDone, partHash, partMarker, type UpgradeTarget } from './progress.ts';

export interface PullImagesInput {
  readonly layout: HostLayout;
  readonly hosts: readonly { readonly address: Address; readonly controlPlane: boolean }[];
  readonly needs: readonly string[];
  readonly target: UpgradeTarget;
  /** `imageRepository` of the cluster's configuration. */
  readonly imageRepository: string | undefined;
  /** The cluster runs CoreDNS as kubeadm installs it. */
  readonly coreDns: boolean;
  readonly timeout: number | undefined;
}

/** The images that a node of the new version needs, out of those that kubeadm names. */
export function imagesOfNode(
  listed: readonly string[],
  { controlPlane, coreDns }: { readonly controlPlane: boolean; readonly coreDns: boolean },
): readonly string[] {
  const nameOf = (image: string) => image.replace(/^.*\//, '').replace(/[:@].*$/, '');
  const everywhere = ['kube-proxy', 'pause', ...(coreDns ? ['coredns'] : [])];
  const never = coreDns ? [] : ['coredns'];
  return listed.filter((image) => (controlPlane ? !never.includes(nameOf(image)) : everywhere.includes(nameOf(image))));
}

/** Brings the new version's container images to every host while all still runs: what is missing shows before anything stops. */
export function pullImagesStep(input: PullImagesInput): Step {
  const { layout, target, timeout } = input;
  const repository = input.imageRepository === undefined ? [] : [`--image-repository=${input.imageRepository}`];
  const roleOf = (host: Host) => input.hosts.find(({ address }) => address.ip === host.address.ip)?.controlPlane ?? false;
  return {
    id: 'upgrade-images',
    title: `pulling the images of Kubernetes ${target.to}`,
    hosts: input.hosts.map(({ address }) => address),
    needs: input.needs,
    async check(host, { signal }) {
      return (await isPartDone(host, layout, target, 'images', signal)) ? 'done' : { what: "pull the new version's container images" };
    },
    async apply(host, { signal, onLine }) {
      const { stdout } = await host.run(
        script`${`${layout.rootfs}/bin/kubeadm`} config images list --kubernetes-version=${target.to} ${repository} 2>/dev/null`,
        {
          title: 'asking the new kubeadm for its images',
          signal,
          timeout: 60_000,
        },
      );
      const images = imagesOfNode(
        stdout.split('\n').filter((line) => line !== ''),
        { controlPlane: roleOf(host), coreDns: input.coreDns },
      );
      if (images.length === 0) throw new SealosError('no-images', `${host.name}: the new kubeadm names no container images`);
      await host.run(
        finishing(
          script`missing=
for image in ${images}; do
  if ! output=$(crictl pull "$image" 2>&1); then
    printf '%s\n' "$output" >&2
    missing="$missing $image"
  fi
done
if [ -n "$missing" ]; then echo "these images cannot be pulled:$missing" >&2; exit 1; fi`,
          layout,
          partMarker(target, 'images'),
          partHash(target),
        ),
        { title: `pulling the images of Kubernetes ${target.to}`, signal, onLine, timeout },
      );
    },
  };
}
