/** What is mounted into a RUN's root. Targets are paths of the image without links in them, no slash at the beginning. */
export type SandboxMount =
  | { readonly kind: 'bind'; readonly source: string; readonly target: string; readonly writable: boolean }
  /** The user's own files: what is written there stays, but no device and no program that runs as another. */
  | { readonly kind: 'volume'; readonly source: string; readonly target: string; readonly writable: boolean }
  /** A directory that the RUN may write into, without its writing being kept. */
  | { readonly kind: 'scratch'; readonly source: string; readonly target: string; readonly upper: string; readonly work: string }
  | { readonly kind: 'tmpfs'; readonly target: string; readonly bytes: number | undefined }
  /** A copy in memory that is gone with the RUN. */
  | {
      readonly kind: 'secret';
      readonly content: { readonly file: string } | { readonly value: string };
      readonly target: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

export interface SandboxInput {
  /** Relative to the directory where the script begins, the uppermost first. */
  readonly lowers: readonly string[];
  readonly upper: string;
  readonly work: string;
  /** Where the root is put together, an absolute path. */
  readonly merged: string;
  /** An empty directory for secrets, an absolute path. */
  readonly secrets: string;
  /** A file that is made when all is mounted and the command begins. */
  readonly started: string;
  /** `proc`, `sys` and `dev` of the image, links in them followed. */
  readonly system: { readonly proc: string; readonly sys: string; readonly dev: string };
  readonly mounts: readonly SandboxMount[];
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly uid: number;
  readonly gid: number;
  readonly argv: readonly string[];
  /** Whether the image has a shell, which is needed to set variables that this machine's own programs must not see. */
  readonly hasShell: boolean;
}

// Docker's default set for containers; what is not in it is taken away for good.
const CAPABILITIES = [
  ...['chown', 'dac_override', 'fsetid', 'fowner', 'mknod', 'net_raw', 'setgid', 'setuid', 'setfcap', 'setpcap'],
  ...['net_bind_service', 'sys_chroot', 'kill', 'audit_write'],
];

// What would tell the kernel of this machine something, or tell of it.
const MASKED = ['kcore', 'keys', 'timer_list', 'sysrq-trigger', 'latency_stats', 'sched_debug'];
const READ_ONLY = ['sys', 'irq', 'bus', 'fs'];
const DEVICES = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

// glibc lets these change what a program loads or reads (its list of unsecure variables, and those of locales). Between setting the
// variables and leaving this machine's root lies one exec of a program of this machine: it must not see them, or an image could have
// its own code run outside.
const UNSAFE =
  /^(LD_.*|GCONV_PATH|GETCONF_DIR|GLIBC_TUNABLES|HOSTALIASES|LOCALDOMAIN|LOCPATH|MALLOC_.*|NIS_PATH|NLSPATH|RESOLV_HOST_CONF|RES_OPTIONS|TZDIR|LANG|LANGUAGE|LC_.*|TEXTDOMAIN.*|OUTPUT_CHARSET|CHARSET|POSIXLY_CORRECT)$/;

/**
 * The script, for a POSIX shell, that puts a RUN's root together and becomes its command. It runs as the first process in namespaces of
 * its own, so that all it mounts is gone when it ends, whatever ends it.
 */
export function sandboxScript(input: SandboxInput): string {
  const { merged, system, lowers, upper, work } = input;
  const at = (path: string) => word(`${merged}/${path}`);
  const { proc, sys, dev } = system;
  const lines = [
    'set -eu',
    'exec 3<&-',
    'unshare=$(command -v unshare) setpriv=$(command -v setpriv) env=$(command -v env)',
    `mount -t overlay -o ${word(`lowerdir=${lowers.join(':')},upperdir=${upper},workdir=${work}`)} overlay ${word(merged)}`,
    `mount -t proc -o nosuid,nodev,noexec proc ${at(proc)}`,
    'echo sealos-build > /proc/sys/kernel/hostname',
    `mount -t sysfs -o ro,nosuid,nodev,noexec sysfs ${at(sys)} 2>/dev/null || mount --rbind -o ro /sys ${at(sys)}`,
    `mount -t tmpfs -o nosuid,mode=755,size=64m tmpfs ${at(dev)}`,
    `for name in ${DEVICES.join(' ')}; do : > ${at(dev)}/$name; mount --bind /dev/$name ${at(dev)}/$name; done`,
    `mkdir ${at(dev)}/pts ${at(dev)}/shm`,
    `mount -t devpts -o newinstance,ptmxmode=0666,mode=620,nosuid,noexec devpts ${at(dev)}/pts 2>/dev/null || :`,
    `mount -t tmpfs -o nosuid,nodev,noexec,mode=1777,size=64m tmpfs ${at(dev)}/shm`,
    `ln -s pts/ptmx ${at(dev)}/ptmx; ln -s /proc/self/fd ${at(dev)}/fd`,
    `ln -s fd/0 ${at(dev)}/stdin; ln -s fd/1 ${at(dev)}/stdout; ln -s fd/2 ${at(dev)}/stderr`,
    `for name in ${READ_ONLY.join(' ')}; do [ -d ${at(proc)}/$name ] || continue; mount --bind ${at(proc)}/$name ${at(proc)}/$name; mount -o remount,bind,ro ${at(proc)}/$name; done`,
    `for name in ${MASKED.join(' ')}; do [ ! -f ${at(proc)}/$name ] || mount --bind /dev/null ${at(proc)}/$name; done`,
    `[ ! -d ${at(sys)}/firmware ] || mount -t tmpfs -o ro tmpfs ${at(sys)}/firmware`,
    ...(input.mounts.some(({ kind }) => kind === 'secret') ? [`mount -t tmpfs -o mode=700,size=16m tmpfs ${word(input.secrets)}`] : []),
    ...input.mounts.flatMap((mount, index) => mountLines(mount, at(mount.target), `${input.secrets}/${index}`)),
    `: > ${word(input.started)}`,
    `cd ${word(merged)}`,
    // As switch_root(8): then there is nothing above the root that a process which leaves its chroot could come to.
    'mount --move . /',
    ...commandLines(input),
  ];
  return `${lines.join('\n')}\n`;
}

function mountLines(mount: SandboxMount, target: string, copy: string): readonly string[] {
  if (mount.kind === 'tmpfs')
    return [`mount -t tmpfs -o nosuid,nodev,mode=1777${mount.bytes === undefined ? '' : `,size=${mount.bytes}`} tmpfs ${target}`];
  if (mount.kind === 'scratch') {
    return [`mount -t overlay -o ${word(`lowerdir=${mount.source},upperdir=${mount.upper},workdir=${mount.work}`)} overlay ${target}`];
  }
  if (mount.kind === 'secret') {
    const { content, mode, uid, gid } = mount;
    const made = 'file' in content ? `cat ${word(content.file)} > ${word(copy)}` : `printf %s ${word(content.value)} > ${word(copy)}`;
    return [
      made,
      `chown ${uid}:${gid} ${word(copy)}`,
      `chmod ${mode.toString(8)} ${word(copy)}`,
      `mount --bind ${word(copy)} ${target}`,
      `mount -o remount,bind,ro ${target}`,
    ];
  }
  const bind = `mount --bind ${word(mount.source)} ${target}`;
  if (mount.kind === 'volume') return [bind, `mount -o remount,bind,nosuid,nodev${mount.writable ? '' : ',ro'} ${target}`];
  return mount.writable ? [bind] : [bind, `mount -o remount,bind,ro ${target}`];
}

function commandLines({ env, argv, workdir, uid, gid, hasShell }: SandboxInput): readonly string[] {
  const all = Object.entries(env);
  const isName = (name: string) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
  const unsafe = all.filter(([name]) => UNSAFE.test(name));
  const safe = all.filter(([name]) => !UNSAFE.test(name));
  const inside =
    unsafe.length === 0 || !hasShell
      ? argv
      : ['/bin/sh', '-c', `export ${unsafe.map(([name, value]) => `${name}=${word(value)}`).join(' ')}; exec "$@"`, 'sh', ...argv];
  const odd = safe.filter(([name]) => !isName(name)).map(([name, value]) => word(`${name}=${value}`));
  const become = [
    ...['exec', '"$setpriv"', `--bounding-set=-all,${CAPABILITIES.map((name) => `+${name}`).join(',')}`],
    ...(odd.length === 0 ? [] : ['"$env"', ...odd]),
    ...['"$unshare"', '--root=.', word(`--wd=${workdir}`), `--setgid=${gid}`, `--setuid=${uid}`, '--'],
    ...inside.map(word),
  ];
  return [
    'unset PWD OLDPWD LC_ALL LIBMOUNT_FORCE_MOUNT2',
    ...safe.filter(([name]) => isName(name)).map(([name, value]) => `export ${name}=${word(value)}`),
    become.join(' '),
  ];
}

function word(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
