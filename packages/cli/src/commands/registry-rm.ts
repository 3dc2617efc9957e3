import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';
import { addPlaceOptions, type PlaceFlags, withPlace } from '../registry-place.ts';

interface RmFlags extends PlaceFlags {
  readonly dir?: string;
  readonly quiet?: boolean;
}

export function rmCommand(): Command {
  const command = new Command('rm')
    .alias('remove')
    .description("Take images out of a registry; 'registry gc' frees the space")
    .argument('<image...>', 'HOST[:PORT]/NAME:TAG or @DIGEST; in a directory or a cluster NAME:TAG')
    .option('-d, --dir <dir>', 'out of a directory in place of a registry')
    .option('-q, --quiet', 'print errors only');
  return addPlaceOptions(command).action(remove);
}

async function remove(names: readonly string[], flags: RmFlags): Promise<void> {
  const { badInput, parseReference, referenceIn, removeImage } = await import('@sealos/image');
  if (flags.dir !== undefined && flags.cluster !== undefined) throw badInput('bad-flags', '--dir and --cluster exclude one another');
  const isElsewhere = flags.dir === undefined && flags.cluster === undefined;
  // Every name is read before the first image goes.
  const wanted = names.map((name) => ({ name, place: isElsewhere ? parseReference(name).registry : flags.dir }));
  for (const { name } of wanted) {
    if (!/[:@][^/]*$/.test(name)) throw badInput('bad-reference', `'${name}' has neither a tag nor a digest`, 'name the tag: NAME:TAG');
  }
  for (const { name, place: placeName } of wanted) {
    await withPlace(placeName, flags, async (place) => {
      const { manifests, tags } = await removeImage(place, referenceIn(place, name), { signal: interrupted });
      if (flags.quiet) return;
      console.log(`removed ${name}${tags.length === 0 ? '' : `, and the tags ${tags.join(', ')} with it`}`);
      for (const digest of manifests) console.log(`  ${digest}`);
    });
  }
}
