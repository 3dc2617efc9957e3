import { posix } from 'node:path';
import type { Address, Host } from '../host/host.ts';
import { script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { PlannedImage, PlannedLayer } from '../plan/plan-input.ts';
import type { Step, StepContext } from '../step.ts';
import { unpackedLinks, withoutSetIds } from './unpacked-links.ts';

export interface LayersInput {
  readonly layout: HostLayout;
  readonly hosts: readonly Address[];
  readonly images: readonly PlannedImage[];
  readonly master0: Address;
  readonly registryHost: Address;
  /** In OCI spelling, by the hosts' `ip`. */
  readonly architectures: ReadonlyMap<string, string>;
}

/** Where one layer goes on one host. */
interface Placement {
  readonly image: PlannedImage;
  readonly layer: PlannedLayer;
  readonly into: string;
  /** The cluster's container images stay away from hosts that do not serve them. */
  readonly withoutRegistry: boolean;
  /** An application's `registry/` joins the cluster's one after unpacking. */
  readonly mergeRegistry: boolean;
}

const sameHost = (a: Address, b: Address) => a.ip === b.ip && a.port === b.port;

/**
 * Which layers a host holds, in order. rootfs and patches go to every host, applications to master0, container images to the registry host
 * only; each host gets those of its own architecture, and the registry's host the container images of all.
 */
export function placements(input: LayersInput, address: Address): readonly Placement[] {
  const { layout } = input;
  const servesRegistry = sameHost(address, input.registryHost);
  const isMaster0 = sameHost(address, input.master0);
  return input.images.flatMap((image) => [
    ...(servesRegistry ? foreignRegistries(layout, image, ownLayers(input, image, address)) : []),
    ...ownLayers(input, image, address).flatMap((layer): Placement[] => {
      if (image.kind !== 'application') {
        if (layer.holds === 'registry' && !servesRegistry) return [];
        return [{ image, layer, into: layout.rootfs, withoutRegistry: !servesRegistry, mergeRegistry: false }];
      }
      if (layer.holds === 'registry') {
        return servesRegistry ? [{ image, layer, into: layout.rootfs, withoutRegistry: false, mergeRegistry: false }] : [];
      }
      const workdir = layout.workdir(image.directory);
      if (isMaster0) {
        const merge = servesRegistry && layer.holds === 'both';
        return [{ image, layer, into: workdir, withoutRegistry: !merge, mergeRegistry: merge }];
      }
      if (!servesRegistry || layer.holds === 'payload') return [];
      return [{ image, layer, into: `${layout.data}/.incoming`, withoutRegistry: false, mergeRegistry: true }];
    }),
  ]);
}

function ownLayers({ architectures }: LayersInput, image: PlannedImage, address: Address): readonly PlannedLayer[] {
  return image.variants.get(architectures.get(address.ip) ?? '') ?? image.layers;
}

/** Container images of the other architectures: they come first, so that tags which no index joins lead to the registry host's own. */
function foreignRegistries(layout: HostLayout, image: PlannedImage, own: readonly PlannedLayer[]): readonly Placement[] {
  const all = [image.layers, ...image.variants.values()].filter((layers) => layers !== own);
  return all.flat().flatMap((layer): readonly Placement[] => {
    if (layer.holds === 'payload') return [];
    const apart = layer.holds === 'both';
    return [{ image, layer, into: apart ? `${layout.data}/.incoming` : layout.rootfs, withoutRegistry: false, mergeRegistry: apart }];
  });
}

const recordOf = (placement: Placement) => `${placement.layer.digest} ${placement.into}`;

/** What a host lacks, and what must go first. */
export interface MissingLayers {
  readonly placements: readonly Placement[];
  /** Directories of applications that hold another build of their image: files that the new one no longer has must not stay. */
  readonly outdated: readonly string[];
}

/** Compares what a host should hold with its record: a line `DIGEST DIRECTORY` for each layer that was unpacked whole. */
export function missingLayers(wanted: readonly Placement[], record: readonly string[]): MissingLayers {
  const wantedRecords = new Set(wanted.map(recordOf));
  const workdirs = new Set(
    wanted.filter(({ image, into }) => image.kind === 'application' && into.endsWith('/workdir')).map(({ into }) => into),
  );
  const outdated = [...workdirs].filter((directory) => record.some((line) => line.endsWith(` ${directory}`) && !wantedRecords.has(line)));
  const held = new Set(record.filter((line) => !outdated.some((directory) => line.endsWith(` ${directory}`))));
  return { placements: wanted.filter((placement) => !held.has(recordOf(placement))), outdated };
}

async function missing(input: LayersInput, host: Host, signal: AbortSignal): Promise<MissingLayers> {
  const { layout } = input;
  const { stdout } = await host.run(script`if [ -d ${layout.rootfs} ]; then cat ${`${layout.markers}/layers`} 2>/dev/null; fi; true`, {
    title: 'reading which layers are there',
    signal,
  });
  return missingLayers(placements(input, host.address), stdout.split('\n'));
}

/** The images' layers on the hosts, as the blobs they are; each is recorded on the host and never sent to it again. */
export function layersStep(input: LayersInput): Step {
  const { layout } = input;
  return {
    id: 'layers',
    title: "sending the images' layers",
    hosts: input.hosts,
    needs: [],
    async check(host, { signal }) {
      const wanted = (await missing(input, host, signal)).placements;
      if (wanted.length === 0) return 'done';
      const bytes = wanted.reduce((sum, { layer }) => sum + layer.size, 0);
      return { what: `unpack ${wanted.length} layer${wanted.length === 1 ? '' : 's'}`, bytes };
    },
    async apply(host, context) {
      let sent = 0;
      const { placements: wanted, outdated } = await missing(input, host, context.signal);
      for (const directory of outdated) {
        await host.run(
          script`record=${`${layout.markers}/layers`}
awk -v directory=${directory} '$2 != directory' "$record" > "$record.new" && mv -f "$record.new" "$record" && rm -rf --one-file-system ${directory}`,
          { title: 'removing an older build of an application', signal: context.signal },
        );
      }
      const links = unpackedLinks(host);
      for (const placement of wanted) {
        await links.admit(placement.image.name, placement.layer, placement.into, context.signal);
        await place(layout, host, placement, context, sent);
        sent += placement.layer.size;
      }
    },
    async undo(host, { signal }) {
      await host.run(
        script`rm -rf --one-file-system ${layout.data}
rmdir ${posix.dirname(layout.data)} ${posix.dirname(posix.dirname(layout.data))} 2>/dev/null || true`,
        { title: "removing the cluster's files", signal },
      );
    },
  };
}

async function place(layout: HostLayout, host: Host, placement: Placement, context: StepContext, sentBefore: number): Promise<void> {
  const { layer, into } = placement;
  const { signal } = context;
  const title = `unpacking a layer of ${placement.image.name}`;
  const removed = layer.removes.map((path) => `${into}/${path}`);
  // Through a pipe: a layer may remove more than an argument list holds.
  if (removed.length > 0) await host.run(script`printf '%s\\0' ${removed} | xargs -0 rm -rf --`, { title, signal });
  await host.run(script`mkdir -p ${into} ${layout.markers}`, { title, signal });
  await host.unpack(await layer.open(signal), into, {
    title,
    compression: layer.compression,
    exclude: [...layer.whiteoutFiles, ...(placement.withoutRegistry ? ['registry'] : [])],
    signal,
    onBytes: (sent) => context.onBytes(sentBefore + sent),
  });
  if (layer.outline.setIds.length > 0) await host.run(withoutSetIds(layer, into), { title, signal });
  if (placement.mergeRegistry) {
    // Hard links: the same disk, no second copy.
    await host.run(
      script`mkdir -p ${`${layout.rootfs}/registry`} && cp -alf ${`${into}/registry`}/. ${`${layout.rootfs}/registry`}/ && rm -rf ${`${into}/registry`} ${`${layout.data}/.incoming`}`,
      { title: "adding the image's container images to the registry", signal },
    );
  }
  // Images built on systems without execute bits still run (cluster-image-layout.md §5, case 24).
  await host.run(
    script`for d in ${['bin', 'cri', 'opt', 'scripts'].map((directory) => `${into}/${directory}`)}; do
if [ -d "$d" ]; then find "$d" -type f ! -perm -0555 -exec chmod a+rx {} +; fi
done
printf '%s\n' ${recordOf(placement)} >> ${`${layout.markers}/layers`}`,
    { title, signal },
  );
}
