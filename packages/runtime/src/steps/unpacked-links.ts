import type { Host } from '../host/host.ts';
import { type Script, script } from '../host/script.ts';
import type { PlannedLayer } from '../plan/plan-input.ts';
import { withinDirectory } from '../run/layer-outline.ts';

/** Keeps layers inside the directories that they are unpacked into, whatever lies there. */
export interface UnpackedLinks {
  /** Throws `bad-image` when a layer would reach something outside. Call it before each layer, in their order. */
  admit(image: string, layer: PlannedLayer, into: string, signal: AbortSignal): Promise<void>;
}

/** For one host and one run over its layers: the links of a directory are read when its first layer comes. */
export function unpackedLinks(host: Host): UnpackedLinks {
  const known = new Map<string, ReadonlyMap<string, string>>();
  return {
    async admit(image, layer, into, signal) {
      const before = known.get(into) ?? (await linksIn(host, into, signal));
      known.set(into, withinDirectory(image, layer.outline, before));
    },
  };
}

async function linksIn(host: Host, directory: string, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  // Names may hold line breaks; base64 carries the zero bytes that they cannot hold.
  const { stdout } = await host.run(
    script`if [ -d ${directory} ]; then find ${`${directory}/`} -xdev -type l -printf '%P\\0%l\\0' | base64 -w0; fi`,
    {
      title: 'looking for links in the way',
      signal,
    },
  );
  const words = Buffer.from(stdout, 'base64').toString().split('\0');
  const links = new Map<string, string>();
  for (let at = 0; at + 1 < words.length; at += 2) links.set(words[at] ?? '', words[at + 1] ?? '');
  return links;
}

/** Bash that takes the set-user-id and set-group-id bits off a layer's programs. */
export function withoutSetIds(layer: PlannedLayer, into: string): Script {
  const paths = layer.outline.setIds.map((path) => `${into}/${path}`);
  return script`for f in ${paths}; do if [ -f "$f" ] && [ ! -L "$f" ]; then chmod ug-s -- "$f"; fi; done`;
}
