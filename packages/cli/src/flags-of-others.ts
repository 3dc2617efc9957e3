import { type Command, Option } from 'commander';

// What scripts made for sealos' other implementation, buildah and podman write (sealos-interop.md §1.5): flags that say how those programs
// do their work change nothing here; one that would give another result is refused, with what does the same.

const ISOLATION = [
  ...['--isolation <kind>', '--layers [bool]', '--rm [bool]', '--force-rm [bool]', '--jobs <count>', '--compress'],
  ...['--cache-from <name>', '--cache-to <name>', '--cache-ttl <time>', '--omit-history [bool]', '--identity-label [bool]'],
  ...['-c, --cpu-shares <n>', '--cpu-period <n>', '--cpu-quota <n>', '--cpuset-cpus <list>', '--cpuset-mems <list>'],
  ...['--memory <size>', '--memory-swap <size>', '--shm-size <size>', '--ulimit <limit>', '--cgroup-parent <path>'],
  ...['--cgroupns <kind>', '--ipc <kind>', '--pid <kind>', '--uts <kind>', '--userns <kind>', '--runtime <path>', '--runtime-flag <flag>'],
  ...['--userns-uid-map-user <user>', '--userns-gid-map-group <group>', '--cni-config-dir <dir>', '--cni-plugin-path <path>'],
  ...['--dns <address>', '--dns-search <domain>', '--dns-option <option>', '--http-proxy [bool]', '--hooks-dir <dir>', '--stdin'],
  ...['-D, --disable-compression [bool]', '--disable-content-trust', '--blob-cache <dir>', '--logfile <file>', '--loglevel <n>'],
  ...['--log-rusage', '--log-split-by-platform', '--no-hostname', '--os-feature <feature>', '--os-version <version>'],
  ...['--skip-unused-stages [bool]', '--no-hosts [bool]'],
];

const SINGLE = ['--single', '-t, --transport <format>'];
/** Layers go to a registry as they are in the store. */
const COMPRESSION = ['-D, --disable-compression [bool]', '--compression-format <kind>', '--compression-level <n>', '--force-compression'];

const withoutEffect: Readonly<Record<string, readonly string[]>> = {
  run: SINGLE,
  gen: ['-f, --force', ...SINGLE],
  build: ISOLATION,
  merge: [...ISOLATION, '--save-image [bool]', '--pull [policy]', '--all', '-m, --max-pull-procs <count>', '--no-cache', '--squash'],
  diff: ['--save [bool]'],
  push: [...COMPRESSION, '--remove-signatures'],
  'manifest push': [...COMPRESSION, '--remove-signatures', '--purge'],
  pull: ['--remove-signatures'],
  login: ['-v, --verbose'],
};

const otherWays: Readonly<Record<string, readonly (readonly [flag: string, hint: string])[]>> = {
  build: [
    ['--cpp-flag <flag>', "name the file without .in, after 'cpp -E FILE.in' has made it"],
    ['--group-add <group>', 'a RUN has the groups that /etc/group of the image gives its user'],
    ['--device <device>', 'a RUN has the devices of an ordinary container'],
    ['--cap-add <capability>', 'a RUN has the capabilities of an ordinary container'],
    ['--cap-drop <capability>', 'a RUN has the capabilities of an ordinary container'],
    ['--security-opt <option>', 'a RUN has the protection of an ordinary container'],
    ['--add-host <host:address>', 'a RUN that needs the name can write it into its /etc/hosts'],
    ['--all-platforms', 'name the platforms: --platform linux/amd64,linux/arm64'],
    ['--sign-by <key>', "'sealos sign' signs what was built"],
  ],
  push: [
    ['--sign-by <key>', "'sealos sign' first, then push: the signature goes along"],
    ['--encryption-key <key>', 'encrypted layers are not made here'],
    ['--encrypt-layer <n>', 'encrypted layers are not made here'],
  ],
  'manifest push': [['--sign-by <key>', "'sealos sign' first, then push: the signature goes along"]],
  pull: [['--decryption-key <key>', 'encrypted layers are not read here']],
  reset: [
    ['--masters <list>', "reset takes a cluster off all of its hosts; 'sealos adopt' rebuilds what is known of a cluster"],
    ['--nodes <list>', "'sealos delete --nodes LIST' takes hosts out; reset takes a cluster off all of its hosts"],
  ],
};

const PULL_POLICIES = ['always', 'true', 'newer', 'ifnewer', 'missing', 'false', 'ifmissing', 'never'];
const PARTS = ['--os <os>', '--arch <arch>', '--variant <variant>'];

function addHidden(command: Command, flags: string, description: string): void {
  const option = new Option(flags, description).hideHelp();
  // Values are read only to tell them from the word behind the flag.
  if (flags.endsWith('[bool]')) option.choices(['true', 'false']).preset('true');
  if (flags.endsWith('[policy]')) option.choices(PULL_POLICIES).preset('always');
  const isTaken = ({ short, long }: Option) => long === option.long || (short !== undefined && short === option.short);
  if (!command.options.some(isTaken)) command.addOption(option);
}

/** Adds the flags of other programs to a command and all below it; they are in no help and no completion. `path` is `manifest push`. */
export function acceptFlagsOfOthers(command: Command, path = command.name()): Command {
  for (const flags of withoutEffect[path] ?? []) addHidden(command, flags, 'has no effect');
  for (const [flags] of otherWays[path] ?? []) addHidden(command, flags, 'refused, with what does the same');
  const longs = command.options.map(({ long }) => long);
  if (longs.includes('--platform')) for (const flags of PARTS) addHidden(command, flags, 'part of --platform');
  if (longs.includes('--retry')) addHidden(command, '--retry-delay <time>', 'waits grow by themselves');
  for (const child of command.commands) acceptFlagsOfOthers(child, `${path} ${child.name()}`);
  return command;
}

function pathOf(command: Command): string {
  const parent = command.parent;
  return parent?.parent ? `${pathOf(parent)} ${command.name()}` : command.name();
}

/** Before a command runs: makes one `--platform` of its parts; throws bad input for a flag that is refused. */
export async function heedFlagsOfOthers(command: Command): Promise<void> {
  const given = (option: Option) => command.getOptionValueSource(option.attributeName()) === 'cli';
  for (const [flags, hint] of otherWays[pathOf(command)] ?? []) {
    const option = command.options.find((one) => one.flags === flags);
    if (!option || !given(option)) continue;
    const { badInput } = await import('@sealos/image/local');
    throw badInput('bad-flag', `${option.long} is not known here`, hint);
  }
  const platform = command.options.find(({ long }) => long === '--platform');
  const parts = PARTS.flatMap((flags) => command.options.filter((option) => option.flags === flags));
  if (!platform || !parts.some(given)) return;
  if (given(platform)) {
    const { badInput } = await import('@sealos/image/local');
    throw badInput('bad-flag', '--platform and its parts --os, --arch, --variant contradict each other', 'leave one of them away');
  }
  const { os = 'linux', arch = process.arch === 'x64' ? 'amd64' : process.arch, variant } = command.opts();
  const text = [os, arch, ...(variant === undefined ? [] : [variant])].join('/');
  command.setOptionValueWithSource('platform', Array.isArray(command.opts()['platform']) ? [text] : text, 'cli');
}
