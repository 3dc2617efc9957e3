import { posix } from 'node:path';
import type { Address } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { Step } from '../step.ts';

export interface AdoptRuntimeInput {
  readonly layout: HostLayout;
  readonly hosts: readonly Address[];
  readonly needs: readonly string[];
  /** Takes a containerd that is there over (`--adopt-containerd`); without it only what was begun is finished, and undone. */
  readonly adopt: boolean;
}

/** Where containerd's programs are looked for, those of packages and those of archives. */
const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin', '/opt/containerd/bin'];
const PROGRAMS = [
  'containerd',
  'containerd-shim',
  'containerd-shim-runc-v1',
  'containerd-shim-runc-v2',
  'containerd-stress',
  'ctr',
  'runc',
  'crictl',
];
const SETTINGS = [
  '/etc/containerd',
  '/etc/crictl.yaml',
  '/etc/systemd/system/containerd.service',
  '/etc/systemd/system/containerd.service.d',
];
const DATA = '/var/lib/containerd';

/**
 * Takes the containerd that a host has already out of the way, so that the image can put its own there: its programs, units and settings
 * go into an archive below the cluster's directory, its images and containers' data beside where they are. The undo puts all of it back
 * and starts it if it ran. It comes before the image's `check`, which refuses a host with a containerd, and is undone after the image's
 * own was removed.
 *
 * The archive is whole before anything is removed, and `done` is written last: killed anywhere, it goes on when it is run again.
 */
export function adoptRuntimeStep({ layout, hosts, needs, adopt }: AdoptRuntimeInput): Step {
  const adopted = posix.join(layout.data, 'adopted', 'containerd');
  return {
    id: 'adopt-runtime',
    title: 'taking over the container runtime that is there',
    hosts,
    needs,
    async check(host, { signal }) {
      const { stdout } = await host.run(asking(adopted), { title: 'looking for a container runtime', signal });
      const isTodo = stdout === 'begun' || (adopt && stdout === 'there');
      return isTodo ? { what: 'set the containerd aside that is there' } : 'done';
    },
    async apply(host, { signal, onLine }) {
      await host.run(takingOver(adopted), { title: 'taking over containerd', signal, onLine });
    },
    async undo(host, { signal, onLine }) {
      await host.run(puttingBack(adopted), { title: 'putting containerd back', signal, onLine });
    },
  };
}

function asking(adopted: string): Script {
  return script`if [ -e ${adopted}/done ]; then echo done
elif [ -d ${adopted} ]; then echo begun
elif grep -qs 'installed by sealos' /etc/systemd/system/containerd.service; then echo own
elif command -v containerd >/dev/null; then echo there
else echo none; fi`;
}

function takingOver(adopted: string): Script {
  return script`set -e
adopted=${adopted}
[ ! -e "$adopted/done" ] || exit 0
mkdir -p -m 0700 "$adopted"
if [ ! -e "$adopted/files.tar" ]; then
  # Asked again: between the look at the host and this moment somebody may have started one.
  held=$({ if systemctl is-active --quiet containerd && command -v ctr >/dev/null
    then for space in $(ctr namespaces ls -q); do ctr -n "$space" containers ls -q; done
    else ls -d /run/containerd/io.containerd.runtime.v2.task/*/*; fi; } 2>/dev/null | wc -l)
  if [ "$held" -gt 0 ]; then
    rmdir "$adopted"
    echo "containerd holds $held containers: remove them first" >&2
    exit 1
  fi
  { systemctl is-enabled --quiet containerd 2>/dev/null && echo enabled; systemctl is-active --quiet containerd && echo active; true; } > "$adopted/state"
  for directory in ${DIRECTORIES}; do
    # On most systems /bin is /usr/bin by another name.
    [ ! -L "$directory" ] || continue
    for program in ${PROGRAMS}; do if [ -e "$directory/$program" ] || [ -L "$directory/$program" ]; then echo "$directory/$program"; fi; done
  done > "$adopted/list"
  for path in ${SETTINGS}; do if [ -e "$path" ] || [ -L "$path" ]; then echo "$path"; fi; done >> "$adopted/list"
  tar -c -f "$adopted/files.tar.new" -P --numeric-owner -T "$adopted/list"
  sync "$adopted/files.tar.new" "$adopted/list" "$adopted/state" 2>/dev/null || sync
  mv -f "$adopted/files.tar.new" "$adopted/files.tar"
fi
systemctl disable --now --quiet containerd.service 2>/dev/null || systemctl stop containerd.service 2>/dev/null || true
while IFS= read -r path; do rm -rf -- "$path"; done < "$adopted/list"
if [ -d ${DATA} ] && [ ! -e ${`${DATA}.adopted`} ]; then
  awk -v below=${`${DATA}/`} 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while IFS= read -r mount; do umount -l "$mount" || true; done
  # A disk of its own stays where it is, and what is on it is left to the cluster's containerd.
  mountpoint -q ${DATA} || mv -T ${DATA} ${`${DATA}.adopted`}
fi
systemctl daemon-reload
systemctl reset-failed containerd.service 2>/dev/null || true
: > "$adopted/done"
echo "containerd was set aside: $(wc -l < "$adopted/list") files and directories"`;
}

function puttingBack(adopted: string): Script {
  return script`set -e
adopted=${adopted}
[ -d "$adopted" ] || exit 0
if [ -e "$adopted/files.tar" ]; then
  tar -x -f "$adopted/files.tar" -P --numeric-owner --same-owner --same-permissions --keep-directory-symlink
  if [ -d ${`${DATA}.adopted`} ]; then
    if [ -e ${DATA} ]; then rmdir ${DATA}; fi
    mv -T ${`${DATA}.adopted`} ${DATA}
  fi
  systemctl daemon-reload
  ! grep -qx enabled "$adopted/state" || systemctl enable --quiet containerd.service
  ! grep -qx active "$adopted/state" || systemctl restart containerd.service
fi
rm -rf "$adopted"
rmdir --ignore-fail-on-non-empty ${posix.dirname(adopted)}`;
}
