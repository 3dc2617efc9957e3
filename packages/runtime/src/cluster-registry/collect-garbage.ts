import { badInput, type RegistryGarbage, SealosError } from '@sealos/image';
import { type Script, script } from '../host/script.ts';
import { type ClusterRegistryOptions, reachRegistryHost } from './open-registry.ts';

export interface CollectClusterGarbageOptions extends ClusterRegistryOptions {
  /** Milliseconds; see `collectRegistryGarbage`. */
  readonly olderThan: number;
  readonly dryRun: boolean;
}

/**
 * Removes what nothing in a cluster's registry leads to, on the registry's host, while it serves. The order is that of
 * `collectRegistryGarbage`; between the links and the contents the registry is started again, because it remembers in memory which
 * contents it has.
 */
export async function collectClusterGarbage(options: CollectClusterGarbageOptions): Promise<RegistryGarbage> {
  const { signal, dryRun } = options;
  await using registry = await reachRegistryHost(options);
  const { host, config } = registry;
  const work = garbageScript({ data: config.data, minutes: Math.ceil(options.olderThan / 60_000), dryRun, restart: RESTART_REGISTRY });
  const { stdout, exitCode, stderr } = await host.run(work, {
    title: "collecting the registry's garbage",
    signal,
    timeout: 60 * 60_000,
    allowFailure: true,
  });
  if (exitCode === 3) throw badInput('no-registry', `${host.name}: there is no registry's content in ${config.data}`);
  const [, blobs, bytes] = /^(\d+) (\d+)$/m.exec(stdout) ?? [];
  if (exitCode !== 0 || blobs === undefined || bytes === undefined) {
    const why = stderr.trim().split('\n').at(-1) ?? '';
    throw new SealosError('garbage', `${host.name}: the garbage of the registry could not be collected (exit status ${exitCode}): ${why}`, {
      hint: 'nothing that is wanted is lost; try again',
    });
  }
  return { blobs: Number(blobs), bytes: Number(bytes), manifests: 0 };
}

/** Starts the registry again, a unit or a container. */
export const RESTART_REGISTRY: Script = script`( if systemctl cat registry.service >/dev/null 2>&1; then exec systemctl restart registry.service; fi
for program in nerdctl docker; do
  if command -v $program >/dev/null && $program inspect sealos-registry >/dev/null 2>&1; then exec $program restart sealos-registry >/dev/null; fi
done
echo 'there is neither a unit registry.service nor a container sealos-registry' >&2; exit 1 )`;

/**
 * Prints how many contents are garbage, and their bytes. Exit status 3: there is no registry in `data`. Every digest in a manifest counts as
 * wanted, whatever kind the manifest is of.
 */
export function garbageScript(input: {
  readonly data: string;
  readonly minutes: number;
  readonly dryRun: boolean;
  readonly restart: Script;
}): Script {
  const { data, minutes, dryRun, restart } = input;
  return script`(
set -euo pipefail
export LC_ALL=C
dry=${dryRun ? 'dry' : ''}
cd ${data}/docker/registry/v2 2>/dev/null && [ -d blobs/sha256 ] || exit 3
root=$(cd ../../.. && pwd -P)
work=$(mktemp -d)
aside=$root/.unfinished-garbage
trap 'rm -rf "$work"' EXIT
wanted() {
  find repositories -path '*/_manifests/revisions/sha256/*/link' -printf '%h\\n' | sed 's|.*/||' | sort -u > "$work/revisions"
  { cat "$work/revisions"
    while IFS= read -r hex; do cat "blobs/sha256/\${hex:0:2}/$hex/data" 2>/dev/null || true; echo; done < "$work/revisions" |
      { grep -oE 'sha256:[0-9a-f]{64}' || true; } | cut -c 8-
  } | sort -u
}
linked() { find repositories -path '*/_layers/sha256/*/link' "$@" -printf '%h\\n' | sed 's|.*/||' | sort -u; }
put_back() {
  [ -d "$aside" ] || return 0
  { wanted; linked; } | sort -u > "$work/needed"
  for path in "$aside"/*; do
    hex=\${path##*/}
    [ -f "$path" ] || continue
    if grep -qx "$hex" "$work/needed" && [ ! -e "blobs/sha256/\${hex:0:2}/$hex/data" ]; then
      mkdir -p "blobs/sha256/\${hex:0:2}/$hex"; mv "$path" "blobs/sha256/\${hex:0:2}/$hex/data"
    fi
  done
}
if [ -z "$dry" ]; then put_back; rm -rf "$aside"; fi
wanted > "$work/wanted"
find blobs/sha256 -mindepth 3 -maxdepth 3 -name data -type f -mmin +${minutes} -printf '%h\\n' | sed 's|.*/||' | sort > "$work/old"
linked -mmin -${minutes} > "$work/young"
comm -23 "$work/old" "$work/wanted" | comm -23 - "$work/young" > "$work/garbage"
count() { while IFS= read -r hex; do stat -c %s "blobs/sha256/\${hex:0:2}/$hex/data"; done < "$1" | awk '{ n++; b += $1 } END { printf "%d %.0f\\n", n, b }'; }
total=$(count "$work/garbage")
if [ -n "$dry" ] || [ ! -s "$work/garbage" ]; then echo "$total"; exit 0; fi
find repositories -path '*/_layers/sha256/*/link' | while IFS= read -r link; do
  hex=\${link%/link}; hex=\${hex##*/}
  echo "$hex $link"
done | sort > "$work/links"
join "$work/garbage" "$work/links" | cut -d ' ' -f 2- > "$work/unlink"
while IFS= read -r link; do rm -rf "\${link%/link}"; done < "$work/unlink"
${restart}
wanted > "$work/wanted"
comm -12 "$work/garbage" "$work/wanted" > "$work/again"
join "$work/again" "$work/links" | while read -r hex link; do
  mkdir -p "\${link%/link}"; printf 'sha256:%s' "$hex" > "$link.new"; mv "$link.new" "$link"
done
comm -23 "$work/garbage" "$work/again" > "$work/gone"
total=$(count "$work/gone")
mkdir -p "$aside"
while IFS= read -r hex; do mv "blobs/sha256/\${hex:0:2}/$hex/data" "$aside/$hex"; done < "$work/gone"
put_back
rm -rf "$aside"
while IFS= read -r hex; do rmdir "blobs/sha256/\${hex:0:2}/$hex" 2>/dev/null || true; done < "$work/gone"
echo "$total"
)`;
}
