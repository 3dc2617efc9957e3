import { createReadStream } from 'node:fs';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { type Compression, compress, writeTar } from '@sealos/image';
import type { Address } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { HostLayout } from '../layout.ts';
import type { ExecutableFile } from '../run/own-executable.ts';
import type { Step } from '../step.ts';
import { finishing, markerName, readMarker } from './marker.ts';

export const SEALOS_EXECUTABLE_STEP = 'sealos-executable';

/** Says whose `/usr/bin/sealos` is, and is there before it: what lies there without this file came from somewhere else. */
const OWNERSHIP = 'sealos-executable.ours';

export interface MasterWithExecutable {
  readonly address: Address;
  readonly executable: ExecutableFile;
  /** How it travels: `zstd` where the host can unpack that. */
  readonly compression: Compression;
}

export interface SealosExecutableInput {
  readonly layout: HostLayout;
  readonly masters: readonly MasterWithExecutable[];
  readonly needs: readonly string[];
  /** Where images' scripts find it. Default: `/usr/bin/sealos`. */
  readonly target?: string;
}

/**
 * The program itself on the control planes, for images' scripts that call `sealos exec` or `sealos scp` there (cluster-image-layout.md §5,
 * case 20). It is sent when its content differs. A program that is there already and is not from here is left alone, also by the undo.
 */
export function sealosExecutableStep({ layout, masters, needs, target = '/usr/bin/sealos' }: SealosExecutableInput): Step {
  const ownership = posix.join(layout.markers, OWNERSHIP);
  const finished = posix.join(layout.markers, markerName(SEALOS_EXECUTABLE_STEP));
  const draft = `.${posix.basename(target)}.sealos-new`;
  const draftPath = posix.join(posix.dirname(target), draft);
  const inputOf = (ip: string): MasterWithExecutable => {
    const found = masters.find(({ address }) => address.ip === ip);
    if (!found) throw new Error(`step ${SEALOS_EXECUTABLE_STEP} has no host ${ip}`);
    return found;
  };
  return {
    id: SEALOS_EXECUTABLE_STEP,
    title: 'putting sealos on the control planes',
    hosts: masters.map(({ address }) => address),
    needs,
    async check(host, { signal, onLine }) {
      const { executable } = inputOf(host.address.ip);
      const look = script`if [ ! -e ${target} ] && [ ! -L ${target} ]; then echo none; elif [ -e ${ownership} ]; then stat -L -c 'ours %s' ${target} || echo ours; else echo foreign; fi`;
      const { stdout } = await host.run(look, { title: `looking at ${target}`, signal });
      const there = stdout.trim();
      if (there === 'foreign') {
        onLine(`${target} is there already and did not come from here: it is left as it is`);
        return 'done';
      }
      const hash = await readMarker(host, layout, SEALOS_EXECUTABLE_STEP, signal);
      if (hash === executable.sha256 && there === `ours ${executable.size}`) return 'done';
      return { what: `${there === 'none' ? 'write' : 'replace'} ${target}`, bytes: executable.size };
    },
    async apply(host, { signal, onBytes }) {
      const { executable, compression } = inputOf(host.address.ip);
      const entry = {
        ...{ path: draft, type: 'file' as const, mode: 0o755, uid: 0, gid: 0, mtime: Math.floor(Date.now() / 1000) },
        ...{ size: executable.size, content: () => createReadStream(executable.path, { highWaterMark: 1 << 20 }) },
      };
      const body = Readable.from(compress(writeTar([entry]), { compression, level: 1, signal }), { objectMode: false });
      await host.unpack(body, posix.dirname(target), { title: `sending ${target}`, compression, signal, onBytes });
      // The file that says whose it is comes first: a host that dies in between is left with a record too many, not with a stranger's file.
      const settle = script`printf '%s  %s\n' ${executable.sha256} ${draftPath} | sha256sum -c --quiet - || { rm -f ${draftPath}; exit 1; }
sync ${draftPath} 2>/dev/null || true
mkdir -p -m 0700 ${layout.markers} && printf '%s\n' ${executable.sha256} > ${ownership} && mv -fT ${draftPath} ${target}`;
      await host.run(finishing(settle, layout, SEALOS_EXECUTABLE_STEP, executable.sha256), { title: `writing ${target}`, signal });
    },
    async undo(host, { signal }) {
      await host.run(removeOurs({ target, draftPath, ownership, finished }), { title: `removing ${target}`, signal });
    },
  };
}

/** Only a file whose content is what was sent there is removed: somebody may have put another one in its place since. */
function removeOurs(paths: {
  readonly target: string;
  readonly draftPath: string;
  readonly ownership: string;
  readonly finished: string;
}): Script {
  const { target, draftPath, ownership, finished } = paths;
  return script`rm -f ${draftPath}
if [ -f ${target} ] && [ -e ${ownership} ]; then
  hash=$(sha256sum ${target}) || exit
  if cat ${ownership} ${finished} 2>/dev/null | grep -qxF "\${hash%% *}"; then rm -f ${target}; fi
fi
rm -f ${ownership} ${finished}`;
}
