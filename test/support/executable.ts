// The single executable as `npm run build` makes it, for tests; built once for each state of the sources.
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildExecutable } from '../../scripts/build-release-executable.ts';
import { type Architecture, ownArchitecture } from '../../scripts/build-release-node.ts';

/** Builds it and puts it into a directory as `sealos`, where no later build takes it away. */
export async function executableIn(directory: string, architecture: Architecture = ownArchitecture): Promise<string> {
  const { path } = await buildExecutable({ entry: 'packages/cli/src/main.ts', name: 'sealos', architecture });
  const copy = join(directory, architecture === ownArchitecture ? 'sealos' : `sealos-linux-${architecture}`);
  copyFileSync(path, copy);
  return copy;
}
