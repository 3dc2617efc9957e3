import { createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { badInput } from '../error.ts';
import { openImage } from '../image.ts';
import { layerFiles, openLayer } from '../layer-files.ts';
import type { Store } from '../store.ts';
import { readTar } from '../tar-read.ts';

const PROGRAM = 'cri/registry';

/**
 * A file with the program `registry` that serves a cluster's images: the one that is named, the package's own, or that of a rootfs image in
 * the store, which is written to the package's `cri/registry`. Offline packages had no registry. Throws `no-registry-program` (exit 2).
 */
export async function registryProgram(
  store: Store,
  context: string,
  given: string | undefined,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (given !== undefined) {
    if ((await stat(given).catch(() => undefined))?.isFile()) return given;
    throw badInput('no-registry-program', `--registry ${given} is no file`);
  }
  for (const path of [PROGRAM, 'bin/registry']) {
    if ((await stat(join(context, path)).catch(() => undefined))?.isFile()) return join(context, path);
  }
  const target = join(context, PROGRAM);
  for (const { reference } of await store.list()) {
    // An image of another platform, or one that is damaged, is not the one that is looked for.
    const image = await openImage(store, reference, { signal }).catch(() => undefined);
    const labels = image?.config.config?.Labels ?? {};
    if ((labels['sealos.io.type'] ?? labels['apps.sealos.io/type']) !== 'rootfs') continue;
    for (const layer of [...(image?.layers ?? [])].reverse()) {
      const { entries } = await layerFiles(store, layer, { signal });
      if (!entries.some(({ path, type }) => path === PROGRAM && type === 'file')) continue;
      for await (const item of readTar(await openLayer(store, layer, { signal }))) {
        if (item.header.path !== PROGRAM) continue;
        await mkdir(join(context, 'cri'), { recursive: true });
        await pipeline(Readable.from(item.content(), { objectMode: false }), createWriteStream(target, { mode: 0o755 }));
        return target;
      }
    }
  }
  throw badInput(
    'no-registry-program',
    'an offline package has no registry, and no rootfs image on this machine has one to take',
    'pull a rootfs image, such as labring/kubernetes:v1.29.9, or name the program with --registry FILE',
  );
}
