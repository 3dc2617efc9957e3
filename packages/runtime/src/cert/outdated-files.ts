import { createHash } from 'node:crypto';
import type { Host, HostFile } from '../host/host.ts';
import { script } from '../host/script.ts';

/** The paths of those files that are not on the host with this content. Only hashes travel. */
export async function outdatedFiles(host: Host, files: readonly HostFile[], signal: AbortSignal): Promise<readonly string[]> {
  if (files.length === 0) return [];
  const { stdout } = await host.run(
    script`for file in ${files.map(({ path }) => path)}; do
  if [ -f "$file" ]; then printf '%s %s\n' "$(sha256sum < "$file" | cut -d' ' -f1)" "$file"; fi
done`,
    { title: 'comparing certificates', signal },
  );
  const there = new Set(stdout.split('\n'));
  return files.flatMap(({ path, content }) => (there.has(`${createHash('sha256').update(content).digest('hex')} ${path}`) ? [] : [path]));
}
