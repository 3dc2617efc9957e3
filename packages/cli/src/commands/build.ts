import { readFile, writeFile } from 'node:fs/promises';
import type { BuildOptions, BuildResult, Platform } from '@sealos/image';
import { Command } from 'commander';
import { addBuildFlags, type BuildFlags, pairs, readAgents, readContexts, readSecrets, readVolumes } from '../build-flags.ts';
import { printImageList } from '../image-list.ts';
import { interrupted } from '../interrupt.ts';
import { showTransfers } from '../output.ts';
import { version } from '../product.ts';
import { addCredentialsOption, addRegistryOptions, readRegistryFlags } from '../registry-options.ts';

export function buildCommand(): Command {
  const command = new Command('build')
    .aliases(['bud', 'build-using-dockerfile'])
    .description('Build a cluster image: save the container images that it needs, then follow its Kubefile')
    .argument('[context]', 'the directory with what is copied', '.');
  return addRegistryOptions(addCredentialsOption(addBuildFlags(command))).action(build);
}

async function readOptions(context: string, flags: BuildFlags): Promise<BuildOptions> {
  const { badInput } = await import('@sealos/image/builder');
  const nameless = (flag: string) => (text: string) => badInput('bad-flag', `${flag} '${text}' has no name before the =`);
  const fromFiles: string[] = [];
  for (const file of flags.buildArgFile) {
    const text = await readFile(file, 'utf8').catch(() => {
      throw badInput('bad-flag', `--build-arg-file ${file} cannot be read`);
    });
    fromFiles.push(...text.split(/\r?\n/).filter((line) => !/^\s*(#|$)/.test(line)));
  }
  return {
    context,
    file: flags.file,
    labels: pairs(flags.label, () => '', nameless('--label')),
    annotations: pairs(flags.annotation, () => '', nameless('--annotation')),
    env: pairs(flags.env, (key) => process.env[key] ?? '', nameless('--env')),
    buildArgs: pairs([...fromFiles, ...flags.buildArg], (key) => process.env[key], nameless('--build-arg')),
    contexts: readContexts(flags.buildContext, (text, hint) =>
      badInput('bad-flag', `--build-context '${text}' is not NAME=DIRECTORY or NAME=docker://IMAGE`, hint),
    ),
    from: flags.from,
    unset: { env: flags.unsetenv, labels: flags.unsetlabel },
    secrets: readSecrets(flags.secret, (text) => badInput('bad-flag', `--secret '${text}' is not id=ID,src=FILE or id=ID,env=NAME`)),
    agents: readAgents(flags.ssh, process.env['SSH_AUTH_SOCK'], (text, why, hint) => badInput('bad-flag', `--ssh '${text}' ${why}`, hint)),
    volumes: readVolumes(flags.volume, (text, why) => badInput('bad-flag', `--volume '${text}' ${why}`)),
    target: flags.target,
    compression: flags.compression,
    format: flags.format,
    squash: flags.squash,
    noCache: !flags.cache,
    ignoreFile: flags.ignorefile,
    network: flags.network,
    alwaysPull: flags.pullAlways === true || flags.pull === 'always',
    environment: flags.timestamp === undefined ? process.env : { ...process.env, SOURCE_DATE_EPOCH: flags.timestamp },
    signal: interrupted,
  };
}

async function build(context: string, flags: BuildFlags): Promise<void> {
  const image = await import('@sealos/image/builder');
  if (flags.listImages) return printImageList(await image.discoverImages(await image.contextRoot(context), interrupted), flags);
  if (flags.output !== undefined) throw image.badInput('bad-flag', '--output is for --list-images');
  const { buildImage, familiarName, openRegistry, openStore, parsePlatform, parseReference, prepareBuild, pullImage, saveContextImages } =
    image;
  const common = await readOptions(context, flags);
  const platforms: readonly (Platform | undefined)[] =
    flags.platform.length === 0 ? [undefined] : flags.platform.flatMap((text) => text.split(',')).map(parsePlatform);
  const indexName = flags.manifest === undefined ? undefined : parseReference(flags.manifest);
  const isIndex = indexName !== undefined || platforms.length > 1;
  const names = isIndex ? [] : flags.tag;
  // Whatever can be wrong here is found before anything is fetched.
  const { kubefile } = await prepareBuild({ ...common, names: flags.tag, platform: platforms[0] });
  for (const platform of platforms.slice(1)) await prepareBuild({ ...common, kubefile, platform });
  await using store = await openStore();
  using progress = showTransfers({ quiet: flags.quiet });
  await using registry = openRegistry(await readRegistryFlags(flags, interrupted, progress.onEvent));
  const built: BuildResult[] = [];
  const warnings = new Set<string>();
  for (const platform of platforms) {
    const options: BuildOptions = { ...common, kubefile, names, platform };
    const prepared = await prepareBuild(options);
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
    const pull: BuildOptions['pull'] = async (reference, wanted) => {
      await pullImage(store, reference, { platform: wanted, policy: 'always', registry, onEvent: progress.onEvent, signal: interrupted });
    };
    const result = await buildImage(store, {
      ...options,
      ...(flags.pullNever === true || flags.pull === 'never' ? {} : { pull }),
      onEvent: progress.onEvent,
      ...(flags.quiet ? {} : { onOutput: lineByLine(progress.print) }),
    });
    if (flags.sbom !== undefined || flags.provenance) {
      const args = Object.keys(common.buildArgs ?? {});
      await image.attest(store, result.descriptor, {
        name: indexName ?? (flags.tag[0] === undefined ? undefined : parseReference(flags.tag[0])),
        sbom: flags.sbom !== undefined,
        provenance: flags.provenance ? { kubefile, target: flags.target, buildArgs: args } : undefined,
        version,
        signal: interrupted,
      });
    }
    built.push(result);
    for (const warning of [...found.warnings, ...result.warnings]) warnings.add(warning);
    if (found.images > 0 && !result.hasSavedImages) {
      const images = found.images === 1 ? 'one container image was' : `${found.images} container images were`;
      warnings.add(`${images} saved into registry/, but no COPY takes them along: add 'COPY registry registry'`);
    }
  }
  const named = isIndex
    ? await Promise.all(
        [...(indexName === undefined ? [] : [indexName]), ...flags.tag.map(parseReference)].map(async (name) => ({
          name,
          descriptor: await image.addToIndex(store, name, built, { signal: interrupted }),
        })),
      )
    : built.flatMap(({ names: tagged, descriptor }) => tagged.map((name) => ({ name, descriptor })));
  progress[Symbol.dispose]();
  for (const warning of warnings) process.stderr.write(`warning: ${warning}\n`);
  const digest = (isIndex ? named[0]?.descriptor : built[0]?.descriptor)?.digest ?? '';
  if (flags.iidfile !== undefined) await writeFile(flags.iidfile, digest);
  if (flags.quiet) console.log(digest);
  else if (named.length === 0) console.log(`built ${digest}; it has no name and goes with the next rmi (name it with -t NAME)`);
  else if (built.every(({ isUnchanged }) => isUnchanged)) process.stderr.write('every layer is that of an earlier build\n');
  for (const { name, descriptor } of flags.quiet ? [] : named) console.log(`${familiarName(name)} is ${descriptor.digest}`);
}

/** Passes text on in whole lines. */
function lineByLine(print: (lines: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const whole = rest + text;
    const end = whole.lastIndexOf('\n') + 1;
    rest = whole.slice(end);
    if (end > 0) print(whole.slice(0, end));
  };
}
