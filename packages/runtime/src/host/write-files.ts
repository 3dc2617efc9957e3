import { createHash, randomBytes } from 'node:crypto';
import { posix } from 'node:path';
import { Readable } from 'node:stream';
import { badInput, writeTar } from '@sealos/image';
import type { Host, HostFile } from './host.ts';
import { type Script, script } from './script.ts';

interface Hands extends Pick<Host, 'run' | 'unpack'> {
  /** A directory that the host removes when the connection ends, however it ends. */
  readonly temporary: string;
}

type WriteOptions = Parameters<Host['writeFiles']>[1];

/** Host.writeFiles with nothing but running scripts and unpacking. */
export async function writeFiles(hands: Hands, files: readonly HostFile[], options: WriteOptions): Promise<readonly string[]> {
  for (const { path } of files) {
    if (!path.startsWith('/') || path.endsWith('/') || /[\0\n]/.test(path))
      throw badInput('bad-path', `'${path}' is not an absolute path of a file`);
  }
  const changed = await changedFiles(hands, files, options);
  if (changed.length === 0) return [];
  const staging = posix.join(hands.temporary, randomBytes(8).toString('hex'));
  try {
    await hands.run(script`mkdir -p -m 0700 ${hands.temporary} && mkdir -m 0700 ${staging}`, options);
    await hands.unpack(Readable.from(writeTar(archived(changed))), staging, { ...options, compression: 'none' });
    await hands.run(moves(changed, staging, options.within), options);
  } catch (error) {
    // Whatever went wrong is told; where not even this can be run, the connection is gone, and the host removes the directory itself.
    await hands.run(clearing(staging), { title: options.title }).catch(() => {});
    throw error;
  }
  return changed.map(({ path }) => path);
}

/** Removes a staging directory, and the one around it where nothing else is in it. */
function clearing(staging: string): Script {
  return script`rm -rf ${staging}; rmdir ${posix.dirname(staging)} 2>/dev/null || true`;
}

/** Those that are not there with this content and these permissions. */
async function changedFiles({ run }: Hands, files: readonly HostFile[], options: WriteOptions): Promise<readonly HostFile[]> {
  if (files.length === 0) return [];
  const known = await run(
    script`for f in ${files.map(({ path }) => path)}; do
  if [ -f "$f" ] && [ ! -L "$f" ]; then printf '%s %s %s\n' "$(stat -c %a -- "$f")" "$(sha256sum < "$f" | cut -d' ' -f1)" "$f"; fi
done`,
    options,
  );
  const there = new Set(known.stdout.split('\n'));
  return files.filter(({ path, content, mode }) => {
    const hash = createHash('sha256').update(content).digest('hex');
    return !there.has(`${mode.toString(8)} ${hash} ${path}`);
  });
}

function* archived(files: readonly HostFile[]) {
  const mtime = Math.floor(Date.now() / 1000);
  for (const [index, { content, mode }] of files.entries()) {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    yield { path: String(index), type: 'file' as const, mode, uid: 0, gid: 0, mtime, size: bytes.length, content: bytes };
  }
}

/**
 * First all files beside their targets and onto the disk, then all renamed: nobody sees half a file, a full disk changes none of them,
 * and it works across filesystems.
 */
function moves(files: readonly HostFile[], staging: string, within = ''): Script {
  const pairs = files.flatMap(({ path }, index) => [
    `${staging}/${index}`,
    posix.join(posix.dirname(path), `.${posix.basename(path)}.sealos-${posix.basename(staging)}`),
    path,
  ]);
  return script`set -e
files=(${pairs})
each() { local i; for ((i = 0; i < \${#files[@]}; i += 3)); do "$1" "\${files[i]}" "\${files[i + 1]}" "\${files[i + 2]}"; done; }
within=${within}
inside() { local real; case "$3" in "$within"/*) ;; *) return 0 ;; esac
  real=$(readlink -m -- "\${3%/*}") && case "$real/" in "$(readlink -m -- "$within")"/*) return 0 ;; esac
  echo "$3 lies behind a link that leads out of $within" >&2; return 1; }
forget() { rm -f -- "$2"; }
place() { if [ -d "$3" ] && [ ! -L "$3" ]; then echo "$3 is a directory" >&2; return 1; fi; mkdir -p -- "$(dirname -- "$3")"
  # Of a call that was killed in between, which could not tidy up.
  rm -f -- "\${3%/*}/.\${3##*/}.sealos-"*
  cp -p -- "$1" "$2"; temporary+=("$2"); }
rename() { mv -fT -- "$2" "$3"; }
trap 'each forget; ${clearing(staging)}' EXIT
temporary=()
[ -z "$within" ] || each inside
each place
sync -- "\${temporary[@]}" 2>/dev/null || sync
each rename`;
}
