import { badInput } from '@sealos/image';
import type { Config } from './cluster.ts';
import { layConfigs } from './lay-documents.ts';
import { mergeYaml } from './merge-yaml.ts';

/** The Configs that are meant for an image, in order: those that name it exactly, and those that name none. */
export function configsFor(configs: readonly Config[], imageName: string): readonly Config[] {
  return configs.filter(({ match }) => match === '' || match === imageName);
}

/**
 * The Configs that change an image, in the order in which they do: its own `config.yml`'s, then the Clusterfile's (sealos-interop.md
 * §4.2). Of the Clusterfile's the last of a name counts, and it takes the place of the image's own of that name where both are for it.
 */
export function configsOf(imageName: string, own: readonly Config[], given: readonly Config[]): readonly Config[] {
  return layConfigs(configsFor(own, imageName), configsFor(layConfigs([], given), imageName));
}

/**
 * The files of an image that Configs change, by path relative to its root, with their content afterwards; a file that the image does not have
 * is made. `files` need hold only the targets. Throws bad input that names the Config and the path where one cannot be applied.
 */
export function imageWithConfigs(files: ReadonlyMap<string, Uint8Array>, configs: readonly Config[]): ReadonlyMap<string, Uint8Array> {
  const changed = new Map<string, Uint8Array>();
  for (const config of configs) {
    const { path } = config;
    changed.set(path, applyConfig(config, changed.get(path) ?? files.get(path)));
  }
  return changed;
}

/**
 * A file of an image after a Config: `current` is its content, undefined where the image has no such file. `override` writes the Config's
 * data, `insert` puts it before, `append` after, with a newline between; `merge` lays it over every YAML document of the file.
 */
export function applyConfig(config: Config, current: Uint8Array | undefined): Uint8Array {
  const { strategy, path } = config;
  const data = Buffer.from(config.data);
  if (strategy === 'override' || (current === undefined && strategy !== 'merge')) return data;
  if (strategy === 'insert' && current) return Buffer.concat([data, Buffer.from('\n'), current]);
  if (strategy === 'append' && current) return Buffer.concat([current, Buffer.from('\n'), data]);
  const name = config.name === '' ? 'a Config without a name' : `Config ${config.name}`;
  const merged = mergeYaml({ text: text(current, name, path), name: path }, { text: config.data, name });
  return current === undefined ? data : Buffer.from(merged);
}

function text(content: Uint8Array | undefined, name: string, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw badInput('bad-config', `${name}: ${path} is not text in UTF-8 and cannot be merged`);
  }
}
