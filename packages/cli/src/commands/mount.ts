import type { WorkingTree } from '@sealos/image';
import { Command } from 'commander';
import { interrupted } from '../interrupt.ts';

export function mountCommand(): Command {
  return new Command('mount')
    .description("Print where containers' files are; without a name, those of all")
    .argument('[container...]', 'names or ids')
    .option('--json', 'as JSON')
    .option('--notruncate', 'ids are never cut')
    .action(async (names: readonly string[], flags: { readonly json?: boolean }) => {
      const { listTrees, mountTree, openStore } = await import('@sealos/image/trees');
      await using store = await openStore();
      const trees: WorkingTree[] = [];
      for (const name of names) trees.push(await mountTree(store, name, { signal: interrupted }));
      if (names.length === 0) trees.push(...(await listTrees(store)).filter(({ isMounted }) => isMounted));
      if (flags.json)
        console.log(
          JSON.stringify(
            trees.map(({ name, root }) => ({ container: name, mountPoint: root })),
            undefined,
            4,
          ),
        );
      else for (const { name, root } of trees) console.log(names.length === 1 ? root : `${name} ${root}`);
    });
}

/** `umount` and `rm`: the same for every tree that is named, or for all. */
async function forTrees(names: readonly string[], all: boolean, work: 'unmountTree' | 'removeTree'): Promise<void> {
  const { badInput, findTree, listTrees, openStore, ...trees } = await import('@sealos/image/trees');
  if (names.length === 0 && !all) throw badInput('no-tree', 'no container is named', 'name containers, or all of them with --all');
  await using store = await openStore();
  const listed = (await listTrees(store)).filter(({ isMounted }) => work === 'removeTree' || isMounted);
  // Nothing is removed when one of them is not there.
  const chosen = all ? listed : await Promise.all(names.map((name) => findTree(store, name)));
  for (const { id } of new Map(chosen.map((tree) => [tree.id, tree])).values()) {
    await trees[work](store, id);
    console.log(id);
  }
}

export function umountCommand(): Command {
  return new Command('umount')
    .alias('unmount')
    .description("Remove containers' files; their names stay, to be mounted anew")
    .argument('[container...]', 'names or ids')
    .option('-a, --all', 'all of them')
    .action((names: readonly string[], flags: { readonly all?: boolean }) => forTrees(names, flags.all === true, 'unmountTree'));
}

export function rmCommand(): Command {
  return new Command('rm')
    .description('Remove containers, names and files')
    .argument('[container...]', 'names or ids')
    .option('-a, --all', 'all of them')
    .action((names: readonly string[], flags: { readonly all?: boolean }) => forTrees(names, flags.all === true, 'removeTree'));
}
