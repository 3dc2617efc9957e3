import { Command, Option } from 'commander';
import { pairs } from '../build-flags.ts';
import { interrupted } from '../interrupt.ts';
import { addCredentialsOption, addRegistryOptions, type RegistryFlags } from '../registry-options.ts';
import { collect } from '../values-options.ts';

interface VerifyFlags extends RegistryFlags {
  readonly key: readonly string[];
  readonly annotations: readonly string[];
  readonly registry?: boolean;
  readonly output?: 'json' | 'text';
}

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('Check the signatures of images with a public key, as cosign does; exit status 0: every image has one by that key')
    .argument('<image...>', 'images of this machine; docker://NAME is the one at the registry')
    .option('--key <file>', 'a public key; repeatable, any of them will do', collect, [])
    .option('-a, --annotations <K=V>', 'what the signature has to say besides; repeatable', collect, [])
    .option('--registry', 'all images are at their registries')
    .addOption(new Option('-o, --output <format>', 'output format').choices(['text', 'json']))
    .addOption(new Option('--insecure-ignore-tlog [bool]', 'there is never a transparency log').hideHelp());
  return addRegistryOptions(addCredentialsOption(command)).action(verify);
}

async function verify(names: readonly string[], flags: VerifyFlags): Promise<void> {
  const { badInput, familiarName, readKeyFile, verifyImage } = await import('@sealos/image/signing');
  const { openPlaces } = await import('../signing-place.ts');
  if (flags.key.length === 0) throw badInput('bad-flag', 'no public key is named', 'write --key cosign.pub');
  const annotations = pairs(
    flags.annotations,
    () => '',
    (text) => badInput('bad-flag', `-a '${text}' has no name before the =`),
  );
  const keys = await Promise.all(flags.key.map(readKeyFile));
  await using places = await openPlaces(names, flags);
  const verified = [];
  for (const { reference, place } of places.images)
    verified.push({ reference, ...(await verifyImage(place, reference, { keys, annotations, signal: interrupted })) });
  if (flags.output === 'json') {
    const payloads = verified.flatMap(({ reference, claims }) =>
      claims.map(({ identity, digest, annotations: optional }) => ({
        critical: {
          identity: { 'docker-reference': identity ?? familiarName(reference) },
          image: { 'docker-manifest-digest': digest },
          type: identity === undefined ? 'https://sigstore.dev/cosign/sign/v1' : 'cosign container image signature',
        },
        optional,
      })),
    );
    console.log(JSON.stringify(payloads, undefined, 2));
    return;
  }
  for (const { reference, digest, claims } of verified) {
    console.log(`${familiarName(reference)} is ${digest}`);
    for (const { by, identity } of claims) console.log(`  signed with ${by}${identity === undefined ? '' : ` as ${identity}`}`);
  }
}
