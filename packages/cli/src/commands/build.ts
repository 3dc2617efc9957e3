import { Command, InvalidArgumentError, Option } from 'commander';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags, readRegistryFlags } from '../registry-options.ts';

interface BuildFlags extends RegistryFlags {
  readonly tag: readonly string[];
  readonly file?: string;
  readonly label: readonly string[];
  readonly env: readonly string[];
  readonly buildArg: readonly string[];
  readonly platform?: string;
  readonly compression?: 'zstd' | 'gzip' | 'none';
  readonly saveImage: boolean;
  readonly maxPullProcs: number;
  readonly all?: boolean;
  readonly pull?: boolean;
  readonly timestamp?: string;
  readonly quiet?: boolean;
}

const collect = (value: string, list: readonly string[]) => [...list, value];

function parseBoolean(text: string): boolean {
  if (text === 'true' || text === '1') return true;
  if (text === 'false' || text === '0') return false;
  throw new InvalidArgumentError('write true or false.');
}

function parseCount(text: string): number {
  if (!/^[1-9]\d{0,2}$/.test(text)) throw new InvalidArgumentError('write a number from 1 to 999.');
  return Number(text);
}

export function buildCommand(): Command {
  const command = new Command('build')
    .aliases(['bud', 'build-using-dockerfile'])
    .description('Build a cluster image: save the container images that it needs, then follow its Kubefile')
    .argument('[context]', 'the directory with what is copied', '.')
    .option('-t, --tag <name>', "the image's name; repeatable", collect, [])
    .option('-f, --file <file>', 'the build file (default: Kubefile, Dockerfile, Sealfile or Containerfile in the context)')
    .option('--label <K=V>', 'a label, over those of the file; repeatable', collect, [])
    .option('--env <K=V>', "a variable of the image, over those of the file; without =V this process's own; repeatable", collect, [])
    .option('--build-arg <K=V>', "a value for an ARG of the file; without =V this process's own; repeatable", collect, [])
    .option('--platform <os/arch>', "the platform (default: the base image's, or this machine's)")
    .addOption(new Option('--compression <kind>', 'of the layers').choices(['zstd', 'gzip', 'none']).default('zstd'))
    .addOption(new Option('--save-image [bool]', 'save the container images first').argParser(parseBoolean).default(true))
    .option('-m, --max-pull-procs <count>', 'how many contents are fetched at once', parseCount, 5)
    .option('--all', 'save the container images for all of their platforms')
    .option('--pull', 'fetch the base image even if it is there')
    .option('--timestamp <seconds>', 'latest time in the image, seconds since 1970 (also SOURCE_DATE_EPOCH)')
    .option('-q, --quiet', "print only the image's digest");
  for (const flags of ['--isolation <kind>', '--format <format>', '--no-cache', '--layers', '--rm', '--force-rm']) {
    command.addOption(new Option(flags, 'taken for scripts made for buildah; has no effect').hideHelp());
  }
  return addRegistryOptions(addCredentialsOption(command)).action(build);
}

/** `K=V` flags as a record; a bare `K` has the value `absent(K)`. */
function pairs(
  list: readonly string[],
  absent: (key: string) => string | undefined,
  refuse: (text: string) => Error,
): Record<string, string> {
  const result = new Map<string, string>();
  for (const text of list) {
    const equals = text.indexOf('=');
    const key = equals < 0 ? text : text.slice(0, equals);
    if (key === '') throw refuse(text);
    const value = equals < 0 ? absent(key) : text.slice(equals + 1);
    if (value !== undefined) result.set(key, value);
  }
  return Object.fromEntries(result);
}

async function build(context: string, flags: BuildFlags): Promise<void> {
  const { badInput, buildImage, familiarName, openRegistry, openStore, parsePlatform, prepareBuild, pullImage, saveContextImages } =
    await import('@sealos/image');
  const nameless = (flag: string) => (text: string) => badInput('bad-flag', `${flag} '${text}' has no name before the =`);
  const environment = flags.timestamp === undefined ? process.env : { ...process.env, SOURCE_DATE_EPOCH: flags.timestamp };
  const options = {
    context,
    file: flags.file,
    names: flags.tag,
    labels: pairs(flags.label, () => '', nameless('--label')),
    env: pairs(flags.env, (key) => process.env[key] ?? '', nameless('--env')),
    buildArgs: pairs(flags.buildArg, (key) => process.env[key], nameless('--build-arg')),
    platform: flags.platform === undefined ? undefined : parsePlatform(flags.platform),
    compression: flags.compression,
    alwaysPull: flags.pull,
    environment,
    signal: interrupted,
  };
  // Whatever can be wrong here is found before anything is fetched.
  const prepared = await prepareBuild(options);
  await using store = await openStore();
  using progress = showTransfers({ quiet: flags.quiet });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  const found = flags.saveImage
    ? await saveContextImages({
        context: prepared.context,
        source: registry,
        store,
        platform: flags.all ? 'all' : prepared.platform,
        jobs: flags.maxPullProcs,
        onEvent: progress.onEvent,
        signal: interrupted,
      })
    : { images: 0, warnings: [] };
  const built = await buildImage(store, {
    ...options,
    async pull(reference, platform) {
      await pullImage(store, reference, { platform, policy: 'always', registry, onEvent: progress.onEvent, signal: interrupted });
    },
    onEvent: progress.onEvent,
  });
  progress[Symbol.dispose]();
  for (const warning of [...found.warnings, ...built.warnings]) process.stderr.write(`warning: ${warning}\n`);
  if (found.images > 0 && !built.hasSavedImages) {
    const images = found.images === 1 ? 'one container image was' : `${found.images} container images were`;
    process.stderr.write(`warning: ${images} saved into registry/, but no COPY takes them along: add 'COPY registry registry'\n`);
  }
  const { descriptor, names } = built;
  if (flags.quiet) console.log(descriptor.digest);
  else if (names.length === 0) console.log(`built ${descriptor.digest}; it has no name and goes with the next rmi (name it with -t NAME)`);
  for (const name of flags.quiet ? [] : names) console.log(`${familiarName(name)} is ${descriptor.digest}`);
}
