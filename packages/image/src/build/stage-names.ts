import { badInput } from '../error.ts';
import type { Kubefile } from '../kubefile/instruction.ts';

/** The stage that a name or a number means, out of the first `before`; the last of a name counts. Case does not matter in names. */
export function stageIndex({ stages }: Kubefile, name: string, before = stages.length): number | undefined {
  if (/^\d+$/.test(name)) return Number(name) < before ? Number(name) : undefined;
  const index = stages.slice(0, before).findLastIndex(({ from }) => from.stage?.toLowerCase() === name.toLowerCase());
  return index < 0 ? undefined : index;
}

/** The stage that becomes the image: `--target`, else the last. Throws `no-stage` (exit 2). */
export function targetIndex(kubefile: Kubefile, target: string | undefined): number {
  if (target === undefined || target === '') return kubefile.stages.length - 1;
  const index = stageIndex(kubefile, target);
  if (index !== undefined) return index;
  const names = kubefile.stages.flatMap(({ from }) => from.stage ?? []);
  const known = names.length === 0 ? 'none has a name' : `there are ${names.join(', ')}`;
  throw badInput('no-stage', `${kubefile.name} has no stage '${target}'`, known);
}
