import { rmSync } from 'node:fs';

// What this process has to take along when it exits, whatever the reason that still lets it run code.
const paths = new Set<string>();
process.on('exit', () => {
  for (const path of paths) rmSync(path, { recursive: true, force: true });
});

/** Marks a file or directory as temporary: removed when this process exits, unless `keep` is called before. */
export function temporary(path: string): { readonly keep: () => void } {
  paths.add(path);
  return { keep: () => paths.delete(path) };
}
