import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';

export function tagCommand(): Command {
  return new Command('tag')
    .description('Give an image another name')
    .argument('<image>', 'the image as it is called now')
    .argument('<name...>', 'more names for it')
    .action(async (image: string, names: readonly string[]) => {
      const { openStore, parseReference } = await import('@sealos/image/local');
      // All names are read before the first is given: a wrong one changes nothing.
      const [source, targets] = [parseReference(image), names.map(parseReference)];
      await using store = await openStore();
      const descriptor = await store.resolve(source);
      for (const target of targets) await store.tag(target, descriptor, { signal: interrupted });
    });
}
