import { join } from 'node:path';
import type { Mount } from './remove-tree.ts';

/** One cgroup hierarchy of the machine, where it is mounted. */
export interface Hierarchy {
  readonly path: string;
  /** v1: the controllers of this hierarchy (`cpu`, `freezer`, `name=systemd`…). v2: empty, one hierarchy holds them all. */
  readonly controllers: readonly string[];
}

/** v1 also stands for the hybrid layout: controllers in v1 hierarchies beside a v2 one that has none. */
export interface CgroupLayout {
  readonly version: 1 | 2;
  readonly hierarchies: readonly Hierarchy[];
}

/** The cgroup layout that a mount table shows; undefined when no cgroup file system is mounted. */
export function cgroupLayout(mounts: readonly Mount[]): CgroupLayout | undefined {
  const known = new Map<string, Hierarchy>();
  let version: 1 | 2 = 2;
  for (const { type, point, options } of mounts) {
    if (type !== 'cgroup' && type !== 'cgroup2') continue;
    const controllers = type === 'cgroup' ? options.filter((option) => !['rw', 'ro', 'xattr', 'clone_children'].includes(option)) : [];
    if (type === 'cgroup') version = 1;
    const key = `${type} ${controllers.join()}`;
    if (!known.has(key)) known.set(key, { path: point, controllers: controllers.filter((name) => !name.startsWith('release_agent=')) });
  }
  return known.size === 0 ? undefined : { version, hierarchies: [...known.values()] };
}

/** The name of a lab's cgroup in every hierarchy; a host's is below it. */
export function labGroup(labId: string): string {
  return `sealos-lab-${labId}`;
}

/** A host's cgroup in every hierarchy. */
export function hostGroups(layout: CgroupLayout, labId: string, host: string): readonly string[] {
  return layout.hierarchies.map(({ path }) => join(path, labGroup(labId), host));
}

/** The hierarchy that freezes: the v1 controller of that name, or the v2 one, which always can. */
export function freezerHierarchy(layout: CgroupLayout): Hierarchy | undefined {
  return layout.version === 2 ? layout.hierarchies[0] : layout.hierarchies.find(({ controllers }) => controllers.includes('freezer'));
}
