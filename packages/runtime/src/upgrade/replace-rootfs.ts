import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step, StepContext } from '../step.ts';
import { type LayersInput, placements } from '../steps/layers.ts';
import { removeMarkers } from '../steps/marker.ts';
import { unpackedLinks, withoutSetIds } from '../steps/unpacked-links.ts';
import { oldRootfs } from './progress.ts';

/** One layer of the new rootfs or of a patch, on one host. */
type Placed = ReturnType<typeof placements>[number];

/** What a host holds of the new rootfs, by its records. */
export interface Staged {
  /** Layers that are still to be unpacked beside the old rootfs, in order. */
  readonly missing: readonly Placed[];
  /** What lies there, if anything, is of another image or of unknown origin: it has to go first. */
  readonly anew: boolean;
  /** The rootfs directory is the new one, with nothing of another in it. */
  readonly done: boolean;
}

const lineOf = ({ layer, into }: Placed) => `${layer.digest} ${into}`;

/** The layers of rootfs and patches among those that a host should hold. */
function ofRootfs(wanted: readonly Placed[]): readonly Placed[] {
  return wanted.filter(({ image }) => image.kind !== 'application');
}

/** The record of layers as it is once the new rootfs is in place: nothing of the old one, everything of applications. */
export function recordAfter(wanted: readonly Placed[], record: readonly string[], rootfs: string): readonly string[] {
  const applications = new Set(wanted.filter(({ image }) => image.kind === 'application').map(lineOf));
  const kept = record.filter((line) => !line.endsWith(` ${rootfs}`) || applications.has(line));
  return [...new Set([...kept, ...ofRootfs(wanted).map(lineOf)])];
}

/** Compares what a host should hold with its records, of the rootfs that is in place and of the one beside it (one digest a line). */
export function stagedLayers(wanted: readonly Placed[], record: readonly string[], staging: readonly string[], rootfs: string): Staged {
  const own = ofRootfs(wanted);
  const after = new Set(recordAfter(wanted, record, rootfs));
  const done = record.every((line) => after.has(line)) && own.every((placed) => record.includes(lineOf(placed)));
  const anew = staging.length === 0 || staging.some((digest, index) => own[index]?.layer.digest !== digest);
  return { missing: own.slice(anew ? 0 : staging.length), anew, done };
}

const paths = (layout: HostLayout) => ({
  /** The new rootfs, until it takes the old one's place. */
  next: `${layout.rootfs}.next`,
  record: `${layout.markers}/layers`,
  staging: `${layout.markers}/layers.next`,
  /** Top-level names of the new rootfs; there while it takes the old one's place. */
  names: `${layout.markers}/rootfs.names`,
});

async function read(input: LayersInput, host: Host, signal: AbortSignal) {
  const { record, staging, names } = paths(input.layout);
  const { stdout } = await host.run(
    script`sed 's/^/record /' ${record} 2>/dev/null
sed 's/^/staged /' ${staging} 2>/dev/null
if [ -e ${names} ]; then echo changing; fi`,
    { title: 'reading which layers are there', signal },
  );
  const told = (what: string) => stdout.split('\n').flatMap((line) => (line.startsWith(`${what} `) ? [line.slice(what.length + 1)] : []));
  const held = told('record');
  const wanted = placements(input, host.address);
  const state = stagedLayers(wanted, held, told('staged'), input.layout.rootfs);
  return { ...state, wanted, record: held, done: state.done && !stdout.split('\n').includes('changing') };
}

/**
 * The new rootfs in the old one's place on every host. It is unpacked beside the old one, so that a file that it has not is gone, and then
 * renamed name by name. `registry/` alone stays where it is and gets what is new: the running registry serves it, to hosts of both versions.
 */
export function replaceRootfsStep(input: LayersInput & { readonly needs: readonly string[] }): Step {
  const { layout } = input;
  return {
    id: 'upgrade-rootfs',
    title: "sending the new version's files",
    hosts: input.hosts,
    needs: input.needs,
    async check(host, { signal }) {
      const { missing, done } = await read(input, host, signal);
      if (done) return 'done';
      const bytes = missing.reduce((sum, { layer }) => sum + layer.size, 0);
      return { what: `unpack ${missing.length} layers and put them in the old version's place`, ...(bytes > 0 ? { bytes } : {}) };
    },
    async apply(host, context) {
      const { signal } = context;
      const state = await read(input, host, signal);
      const { next, staging, names } = paths(layout);
      if (state.anew) {
        // The record first: without it, what lies there counts for nothing.
        await host.run(script`rm -f ${staging} ${names} && rm -rf --one-file-system ${next}`, {
          title: 'clearing an earlier upgrade',
          signal,
        });
      }
      let sent = 0;
      const links = unpackedLinks(host);
      for (const placed of state.missing) {
        await links.admit(placed.image.name, placed.layer, directoryOf(layout, placed), signal);
        await stage(layout, host, placed, context, sent);
        sent += placed.layer.size;
      }
      await host.run(exchange(layout, recordAfter(state.wanted, state.record, layout.rootfs)), {
        title: "putting the new version's files in place",
        signal,
      });
    },
  };
}

async function stage(layout: HostLayout, host: Host, placed: Placed, context: StepContext, sentBefore: number): Promise<void> {
  const { layer } = placed;
  const { signal } = context;
  const { next, staging } = paths(layout);
  const title = `unpacking a layer of ${placed.image.name}`;
  const into = directoryOf(layout, placed);
  const removed = into === next ? layer.removes.map((path) => `${next}/${path}`) : [];
  await host.run(script`rm -rf ${removed} && mkdir -p ${into} ${layout.markers}`, { title, signal });
  await host.unpack(await layer.open(signal), into, {
    title,
    compression: layer.compression,
    exclude: [...layer.whiteoutFiles, ...(placed.withoutRegistry ? ['registry'] : [])],
    signal,
    onBytes: (sent) => context.onBytes(sentBefore + sent),
  });
  if (layer.outline.setIds.length > 0) await host.run(withoutSetIds(layer, into), { title, signal });
  await host.run(script`printf '%s\n' ${layer.digest} >> ${staging}`, { title, signal });
}

/** Container images join those that are there: hosts of the old version still ask for theirs. */
function directoryOf(layout: HostLayout, { layer }: Placed): string {
  return layer.holds === 'registry' ? layout.rootfs : paths(layout).next;
}

/**
 * Bash that puts a directory that is unpacked whole in the old rootfs' place, and records it. May be killed anywhere and run again: a name
 * that is in its place is not among those of the new directory any more.
 */
export function exchange(layout: HostLayout, record: readonly string[]): Script {
  const { next, record: recordPath, staging, names } = paths(layout);
  return script`( set -euo pipefail
next=${next} rootfs=${layout.rootfs} old=${oldRootfs(layout)} names=${names}
if [ ! -e "$names" ]; then
  mkdir -p "$next"
  # Images built on systems without execute bits still run (cluster-image-layout.md §5, case 24).
  for directory in bin cri opt scripts; do
    if [ -d "$next/$directory" ]; then find "$next/$directory" -type f ! -perm -0555 -exec chmod a+rx {} +; fi
  done
  if [ -d "$next/registry" ]; then
    mkdir -p "$rootfs/registry"
    cp -alf "$next/registry/." "$rootfs/registry/"
    rm -rf "$next/registry"
  fi
  rm -rf --one-file-system "$old"
  ls -A "$next" > "$names.new"
  mv -f "$names.new" "$names"
fi
there() { [ -e "$1" ] || [ -L "$1" ]; }
mkdir -p "$next" "$old" "$rootfs"
while IFS= read -r name; do
  there "$next/$name" || continue
  if there "$rootfs/$name"; then rm -rf --one-file-system "$old/$name"; mv -T "$rootfs/$name" "$old/$name"; fi
  mv -T "$next/$name" "$rootfs/$name"
done < "$names"
ls -A "$rootfs" | while IFS= read -r name; do
  if [ "$name" = registry ] || grep -qxF -e "$name" "$names"; then continue; fi
  rm -rf --one-file-system "$old/$name"
  mv -T "$rootfs/$name" "$old/$name"
done
# What was rendered, and what Configs made of files, went with the old directories; tags of the registry lead to what came last.
${removeMarkers(layout, ['files', 'config-files', 'registry-index'])}
printf '%s\n' ${record} > ${`${recordPath}.new`}
mv -f ${`${recordPath}.new`} ${recordPath}
rm -rf --one-file-system "$next"
rm -f ${staging} "$names" )`;
}
