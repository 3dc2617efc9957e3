import type { ImageFiles } from './image-files.ts';
import type { OwnerIds } from './owner-names.ts';
import type { PlannedArchive, PlannedEntry, PlannedLayer } from './planned-entry.ts';

/** One layer while it is planned, over the files that the image has so far. */
export class LayerDraft {
  readonly entries = new Map<string, PlannedEntry>();
  readonly archives: PlannedArchive[] = [];
  readonly files: ImageFiles;
  changed = 0n;

  constructor(files: ImageFiles) {
    this.files = files;
  }

  /** Adds or replaces an entry; what was below a directory that becomes something else goes. */
  put(planned: PlannedEntry): void {
    const { path, type } = planned.entry;
    if (type !== 'directory' && this.files.get(path)?.type === 'directory') {
      for (const known of this.entries.keys()) if (known.startsWith(`${path}/`)) this.entries.delete(known);
    }
    this.entries.set(path, planned);
    this.files.put(path, planned.entry);
  }

  /** Makes a directory with all that lead to it, unless they are there; with `anew` they are in the layer even so. */
  makeDirectory(path: string, owner: OwnerIds, anew = false): void {
    const parts = path.split('/').filter((part) => part !== '');
    for (const depth of parts.keys()) {
      const here = parts.slice(0, depth + 1).join('/');
      if (this.files.get(here) !== undefined && (!anew || this.entries.has(here))) continue;
      this.put({ entry: { path: here, type: 'directory', mode: 0o755, ...owner, size: 0 } });
    }
  }

  get isEmpty(): boolean {
    return this.entries.size === 0 && this.archives.length === 0;
  }

  /** The layer as the instruction at `step` makes it. */
  finish(step: number, place: { readonly line: number; readonly text: string }): PlannedLayer {
    const { entries, archives, changed } = this;
    return { step, line: place.line, text: place.text, entries, archives, changed };
  }
}
