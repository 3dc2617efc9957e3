import { badInput } from '@sealos/image';
import type { Address, Host } from '../host/host.ts';
import { raw, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';
import { inputHash, markerName, readMarker, writeMarker } from '../steps/marker.ts';

/** Parts of an upgrade that a host records when they are done. */
export type UpgradePart = 'registry' | 'images' | 'configuration' | 'kubeadm' | 'node';

const BEGUN = 'upgrading-';
const DONE = 'upgrade-';

/** Where an upgrade is headed, and by which build of the image. */
export interface UpgradeTarget {
  readonly to: string;
  /** Digest of the rootfs image: another build of the same version is done anew. */
  readonly digest: string;
}

export const partHash = ({ to, digest }: UpgradeTarget) => inputHash(to, digest);

/** Name of the record of a finished part. */
export function partMarker({ to }: UpgradeTarget, part: UpgradePart): string {
  return `${DONE}${to}-${part}`;
}

export async function isPartDone(
  host: Host,
  layout: HostLayout,
  target: UpgradeTarget,
  part: UpgradePart,
  signal: AbortSignal,
): Promise<boolean> {
  return (await readMarker(host, layout, partMarker(target, part), signal)) === partHash(target);
}

/** The version that an unfinished upgrade of these hosts is headed for; `markers` are the names of the hosts' records. */
export function unfinishedUpgrade(hosts: readonly { readonly markers: ReadonlySet<string> }[]): string | undefined {
  for (const { markers } of hosts) {
    for (const name of markers) if (name.startsWith(BEGUN) && !name.endsWith('.new')) return name.slice(BEGUN.length);
  }
  return undefined;
}

/**
 * Refuses to go on with anything else while hosts stand between two versions: the images of either would be put over those of the other.
 * `to` is the version that this call upgrades to, if it does.
 */
export function refuseUnfinished(hosts: readonly { readonly markers: ReadonlySet<string> }[], to: string | undefined): void {
  const begun = unfinishedUpgrade(hosts);
  if (begun === undefined || (to !== undefined && markerName(to) === begun)) return;
  throw badInput(
    'upgrade-unfinished',
    `an upgrade of this cluster to Kubernetes ${begun} was begun and is not finished`,
    'run the image of that version again: it goes on where it stopped',
  );
}

interface ProgressInput {
  readonly layout: HostLayout;
  readonly hosts: readonly Address[];
  readonly needs: readonly string[];
  readonly target: UpgradeTarget;
}

/** Has every host know that an upgrade is on its way, before anything of it is done; records of earlier upgrades go. */
export function beginUpgradeStep({ layout, hosts, needs, target }: ProgressInput): Step {
  const marker = `${BEGUN}${target.to}`;
  return {
    id: 'upgrade-begin',
    title: `beginning the upgrade to Kubernetes ${target.to}`,
    hosts,
    needs,
    async check(host, { signal }) {
      return (await readMarker(host, layout, marker, signal)) === partHash(target) ? 'done' : { what: 'record that it is upgraded' };
    },
    async apply(host, { signal }) {
      const own = markerName(`${DONE}${target.to}-`);
      await host.run(
        script`for record in ${layout.markers}/${raw(DONE)}* ${layout.markers}/${raw(BEGUN)}*; do
  case "\${record##*/}" in ${own}*) ;; *) rm -f "$record" ;; esac
done
${writeMarker(layout, marker, partHash(target))}`,
        { title: 'recording the upgrade', signal },
      );
    },
  };
}

/** Ends what `beginUpgradeStep` began; the old version's files, kept until then, go. */
export function endUpgradeStep({ layout, hosts, needs, target }: ProgressInput): Step {
  const marker = `${layout.markers}/${markerName(`${BEGUN}${target.to}`)}`;
  return {
    id: 'upgrade-end',
    title: `ending the upgrade to Kubernetes ${target.to}`,
    hosts,
    needs,
    async check(host, { signal }) {
      const { stdout } = await host.run(script`if [ -e ${marker} ] || [ -e ${oldRootfs(layout)} ]; then echo begun; fi`, {
        title: 'looking whether the upgrade is ended',
        signal,
      });
      return stdout.trim() === '' ? 'done' : { what: 'remove the files of the old version' };
    },
    async apply(host, { signal }) {
      await host.run(script`rm -rf --one-file-system ${oldRootfs(layout)} && rm -f ${marker}`, {
        title: 'removing the files of the old version',
        signal,
      });
    },
  };
}

/** The rootfs directory of the old version, until the upgrade is ended. */
export function oldRootfs(layout: HostLayout): string {
  return `${layout.rootfs}.old`;
}
