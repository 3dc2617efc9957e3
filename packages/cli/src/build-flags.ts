import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { normalize } from 'node:path/posix';
import type { BuildOptions, SecretSource } from '@sealos/image';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { RegistryFlags } from './registry-options.ts';

/** The flags of `sealos build`; names and meanings are buildah's where it has them. */
export interface BuildFlags extends RegistryFlags {
  readonly tag: readonly string[];
  readonly file?: string;
  readonly label: readonly string[];
  readonly env: readonly string[];
  readonly annotation: readonly string[];
  readonly buildArg: readonly string[];
  readonly buildArgFile: readonly string[];
  readonly buildContext: readonly string[];
  readonly from?: string;
  readonly unsetenv: readonly string[];
  readonly unsetlabel: readonly string[];
  readonly platform: readonly string[];
  readonly manifest?: string;
  readonly target?: string;
  readonly compression?: 'zstd' | 'gzip' | 'none';
  readonly format?: 'oci' | 'docker';
  readonly squash?: boolean;
  readonly cache: boolean;
  readonly ignorefile?: string;
  readonly secret: readonly string[];
  readonly volume: readonly string[];
  readonly ssh: readonly string[];
  readonly network?: 'host' | 'none';
  readonly iidfile?: string;
  readonly saveImage: boolean;
  readonly maxPullProcs: number;
  readonly all?: boolean;
  readonly pull?: 'always' | 'missing' | 'never';
  readonly pullAlways?: boolean;
  readonly pullNever?: boolean;
  readonly timestamp?: string;
  readonly quiet?: boolean;
  readonly listImages?: boolean;
  readonly output?: 'json';
  readonly sbom?: 'spdx';
  readonly provenance?: boolean;
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

function parseSeconds(text: string): string {
  if (!/^\d{1,12}$/.test(text)) throw new InvalidArgumentError('write seconds since 1970.');
  return text;
}

function parsePull(text: string): 'always' | 'missing' | 'never' {
  // buildah's words: "newer" asks the registry every time, as we do for "always"; what is there already is not fetched again.
  if (['always', 'true', 'newer', 'ifnewer'].includes(text)) return 'always';
  if (['missing', 'false', 'ifmissing'].includes(text)) return 'missing';
  if (text === 'never') return 'never';
  throw new InvalidArgumentError('write always, missing or never.');
}

function parseNetwork(text: string): 'host' | 'none' {
  if (text === 'none') return 'none';
  if (text === 'host' || text === 'default' || text === 'private') return 'host';
  throw new InvalidArgumentError('write host or none.');
}

/** Adds what says how an image is built. */
export function addBuildFlags(command: Command): Command {
  command
    .option('-t, --tag <name>', "the image's name; repeatable", collect, [])
    .option('-f, --file <file>', 'the build file (default: Kubefile, Dockerfile, Sealfile or Containerfile in the context)')
    .option('--target <stage>', 'the stage that becomes the image (default: the last)')
    .option('--label <K=V>', 'a label, over those of the file; repeatable', collect, [])
    .option('--annotation <K=V>', "an annotation of the image's manifest; repeatable", collect, [])
    .option('--env <K=V>', "a variable of the image, over those of the file; without =V this process's own; repeatable", collect, [])
    .option('--build-arg <K=V>', "a value for an ARG of the file; without =V this process's own; repeatable", collect, [])
    .option('--build-arg-file <file>', 'a file with such values, one a line; repeatable', collect, [])
    .option('--build-context <NAME=PLACE>', 'what FROM and --from call NAME: a directory, or docker://IMAGE; repeatable', collect, [])
    .option('--from <image>', "the image of the first FROM, in place of the file's")
    .option('--unsetenv <name>', 'a variable that the image does not keep; repeatable', collect, [])
    .option('--unsetlabel <name>', 'a label that the image does not keep; repeatable', collect, [])
    .option('--ssh <id>', 'the SSH agent for RUN --mount=type=ssh: default, or ID=SOCKET; repeatable', collect, [])
    .option('-v, --volume <from:to>', 'a directory or file of this machine that every RUN sees; repeatable', collect, [])
    .option('--secret <id=ID,src=FILE>', 'a file (or env=NAME, a variable) for RUN --mount=type=secret; repeatable', collect, [])
    .option('--platform <os/arch>', "the platform, or several with commas (default: the base image's, or this machine's)", collect, [])
    .option('--manifest <name>', 'put the images into the index of several platforms that has this name')
    .addOption(new Option('--compression <kind>', 'of the layers (default: zstd)').choices(['zstd', 'gzip', 'none']))
    .addOption(new Option('--format <format>', "the manifest's form (default: oci)").choices(['oci', 'docker']))
    .option('--squash', 'make one layer of all that the build adds')
    .option('--no-cache', 'carry out every instruction, whatever earlier builds left')
    .option('--ignorefile <file>', 'what of the context is not copied (default: its .containerignore or .dockerignore)')
    .addOption(new Option('--network <kind>', 'for RUN: host or none (default: host)').argParser(parseNetwork))
    .addOption(new Option('--save-image [bool]', 'save the container images first').argParser(parseBoolean).default(true))
    .option('-m, --max-pull-procs <count>', 'how many contents are fetched at once', parseCount, 5)
    .option('--all', 'save the container images for all of their platforms')
    .addOption(
      new Option('--pull [policy]', 'fetch base images: always, missing (the default) or never').argParser(parsePull).preset('always'),
    )
    .option('--timestamp <seconds>', 'latest time in the image, seconds since 1970 (also SOURCE_DATE_EPOCH)', parseSeconds)
    .option('--iidfile <file>', "write the image's digest into a file")
    .addOption(new Option('--sbom [form]', 'attach a list of what is in the image').choices(['spdx']).preset('spdx'))
    .option('--provenance', 'attach a statement of how the image was built')
    .option('-q, --quiet', "print only the image's digest")
    .option('--list-images', 'print the container images that the context needs and where each was found, and build nothing')
    .addOption(new Option('-o, --output <format>', 'of --list-images').choices(['json']));
  command.addOption(new Option('--pull-always', 'as --pull=always').hideHelp());
  command.addOption(new Option('--pull-never', 'as --pull=never').hideHelp());
  return command;
}

/** `K=V` flags as a record; a bare `K` has the value `absent(K)`. Throws what `refuse` makes for one without a name. */
export function pairs(
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

/** `--build-context NAME=PLACE`, by name, as buildah writes it. Throws what `refuse` makes for any other form. */
export function readContexts(
  list: readonly string[],
  refuse: (text: string, hint?: string) => Error,
): NonNullable<BuildOptions['contexts']> {
  return Object.fromEntries(
    list.map((text) => {
      const [, name, place] = /^([^=]+)=(.+)$/s.exec(text) ?? [];
      if (name === undefined || place === undefined) throw refuse(text);
      const image = /^(?:docker-image|container-image|docker):(?:\/\/)?(.+)$/s.exec(place)?.[1];
      if (image === undefined && /^[a-z]+:\/\//.test(place)) throw refuse(text, 'fetch what is there into a directory, and name that');
      return [name, image === undefined ? { directory: place } : { image }];
    }),
  );
}

/** `--secret id=ID,src=FILE` or `id=ID,env=NAME`, by id. Throws what `refuse` makes for any other form. */
export function readSecrets(list: readonly string[], refuse: (text: string) => Error): NonNullable<BuildOptions['secrets']> {
  const secrets: Record<string, SecretSource> = {};
  for (const text of list) {
    const fields = new Map(text.split(',').map((field) => [field.split('=', 1)[0] ?? '', field.slice(field.indexOf('=') + 1)] as const));
    const id = fields.get('id');
    const file = fields.get('src') ?? fields.get('source');
    const variable = fields.get('env');
    if (id === undefined || id === '' || [...fields.keys()].some((name) => !['id', 'src', 'source', 'env', 'type'].includes(name)))
      throw refuse(text);
    secrets[id] = file === undefined ? { variable: variable ?? id } : { file };
  }
  return secrets;
}

/** `--ssh default`, `ID` or `ID=SOCKET`, by id; without a socket it is the user's own agent. */
export function readAgents(
  list: readonly string[],
  own: string | undefined,
  refuse: (text: string, why: string, hint?: string) => Error,
): NonNullable<BuildOptions['agents']> {
  return Object.fromEntries(
    list.map((text) => {
      const [, id = '', path = own ?? ''] = /^([^=]*)(?:=(.*))?$/s.exec(text) ?? [];
      if (id === '') throw refuse(text, 'has no id before the =');
      if (path === '')
        throw refuse(text, 'names no agent, and there is none (SSH_AUTH_SOCK is not set)', 'start one: eval "$(ssh-agent)" && ssh-add KEY');
      if (!existsSync(path)) throw refuse(text, `names what is not there: ${path}`);
      if (!statSync(path).isSocket())
        throw refuse(text, `names no agent's socket: ${path}`, `keys go through an agent: eval "$(ssh-agent)" && ssh-add ${path}`);
      return [id, resolve(path)];
    }),
  );
}

// What the others say is how a mount is shared and labelled, which changes nothing here.
const VOLUME_OPTIONS = /^(ro|rw|O|z|Z|exec|dev|suid|noexec|nodev|nosuid|r?(private|shared|slave)|r?bind)$/;

/** `--volume FROM:TO[:OPTIONS]`, as buildah reads it; FROM may be relative to the directory where the user is. */
export function readVolumes(list: readonly string[], refuse: (text: string, why: string) => Error): NonNullable<BuildOptions['volumes']> {
  return list.map((text) => {
    const [from = '', target = '', options = '', ...others] = text.split(':');
    if (from === '' || !target.startsWith('/') || others.length > 0)
      throw refuse(text, 'is not FROM:TO or FROM:TO:ro, with TO from the root on');
    if (normalize(target) === '/') throw refuse(text, 'would take the place of the whole image');
    const words = options.split(',').filter(Boolean);
    const strange = words.find((word) => !VOLUME_OPTIONS.test(word));
    if (strange !== undefined) throw refuse(text, `has an option that is not known here, '${strange}'`);
    const source = resolve(from);
    if (!existsSync(source)) throw refuse(text, `names what is not there: ${source}`);
    if (words.includes('O') && !statSync(source).isDirectory()) throw refuse(text, 'is no directory, as the option O needs it');
    return { source, target: normalize(target), access: words.includes('O') ? 'scratch' : words.includes('ro') ? 'read' : 'write' };
  });
}
