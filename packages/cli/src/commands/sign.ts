import { open } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { pairs } from '../build-flags.ts';
import { interrupted } from '../interrupt.ts';
import { keyPassword, newKeyPassword } from '../key-password.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags } from '../registry-options.ts';
import { collect } from '../values-options.ts';

interface SignFlags extends RegistryFlags {
  readonly key: string;
  readonly passwordFile?: string;
  readonly annotations: readonly string[];
  readonly recursive?: boolean;
  readonly signContainerIdentity?: string;
  readonly registry?: boolean;
  readonly generateKeyPair?: boolean;
  readonly outputKeyPrefix: string;
}

export function signCommand(): Command {
  const command = new Command('sign')
    .description("Sign images with a key of one's own, as cosign does; or make such a key")
    .argument('[image...]', 'images of this machine; docker://NAME is the one at the registry')
    .option('--key <file>', 'the private key', 'cosign.key')
    .option('--password-file <file>', "file that holds the key's password (also SEALOS_KEY_PASSWORD, COSIGN_PASSWORD; default: asked for)")
    .option('-a, --annotations <K=V>', 'something to sign besides; repeatable', collect, [])
    .option('-r, --recursive', 'of a manifest list, sign what it lists too')
    .option('--sign-container-identity <name>', "the name that is signed (default: the image's own)")
    .option('--registry', 'all images are at their registries')
    .option('--generate-key-pair', 'make a new pair of keys instead')
    .option('-o, --output-key-prefix <path>', 'with --generate-key-pair: write PATH.key and PATH.pub', 'cosign')
    .addOption(new Option('--tlog-upload [bool]', 'there is never a transparency log').hideHelp())
    .addOption(new Option('-y, --yes', 'nothing is asked').hideHelp());
  return addRegistryOptions(addCredentialsOption(command)).action(sign);
}

async function sign(names: readonly string[], flags: SignFlags): Promise<void> {
  const { badInput, familiarName, readPrivateKey, signImage } = await import('@sealos/image/signing');
  const { readInputFile } = await import('../input-file.ts');
  const { openPlaces } = await import('../signing-place.ts');
  if (flags.generateKeyPair) {
    if (names.length > 0) throw badInput('bad-flag', '--generate-key-pair signs nothing', 'sign with the new key in a second call');
    return generate(flags);
  }
  if (names.length === 0) throw badInput('no-image', 'no image is named', "'sealos sign --generate-key-pair' makes a key");
  const annotations = pairs(
    flags.annotations,
    () => '',
    (text) => badInput('bad-flag', `-a '${text}' has no name before the =`),
  );
  const pem = await readInputFile('--key', flags.key);
  await using places = await openPlaces(names, flags);
  const key = await readPrivateKey(pem, flags.key, () => keyPassword(flags.passwordFile, `Password of ${flags.key}: `));
  const { recursive, signContainerIdentity: identity } = flags;
  for (const { reference, place } of places.images) {
    const signed = await signImage(place, reference, { key, identity, annotations, recursive, signal: interrupted });
    for (const { digest, isNew } of signed)
      console.log(`${familiarName(reference)}: ${digest} ${isNew ? 'is signed' : 'had this signature already'}`);
  }
}

async function generate(flags: SignFlags): Promise<void> {
  const { generateKeyFiles } = await import('@sealos/image/signing');
  const paths = { privateKey: `${flags.outputKeyPrefix}.key`, publicKey: `${flags.outputKeyPrefix}.pub` };
  // A key that is lost cannot be made again: nothing is overwritten, not even by half.
  await using privateFile = await create(paths.privateKey, 0o600);
  await using publicFile = await create(paths.publicKey, 0o644);
  const keys = await generateKeyFiles(await newKeyPassword(flags.passwordFile));
  await privateFile.write(keys.privateKey);
  await publicFile.write(keys.publicKey);
  console.log(
    `private key: ${paths.privateKey}, readable by you alone; without its password it is of no use\npublic key:  ${paths.publicKey}, for whoever verifies`,
  );
}

/** A file that is new, and gone again when nothing was written into it. */
async function create(path: string, mode: number): Promise<{ readonly write: (text: string) => Promise<void> } & AsyncDisposable> {
  const { rm } = await import('node:fs/promises');
  const { badInput } = await import('@sealos/image/signing');
  const file = await open(path, 'wx', mode).catch((error: unknown) => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    if (code === 'EEXIST')
      throw badInput('file-exists', `${path} is there already, and is not overwritten`, 'choose another place with -o PATH');
    throw badInput('unwritable-file', `${path} cannot be written (${code})`);
  });
  let isWritten = false;
  return {
    async write(text) {
      await file.writeFile(text);
      await file.sync();
      isWritten = true;
    },
    async [Symbol.asyncDispose]() {
      await file.close();
      if (!isWritten) await rm(path, { force: true });
    },
  };
}
