import type { ContainerConfig, ImageConfig } from '../manifest.ts';

// sealos looks a label of its own up under these two, in this order.
const TYPE_LABELS = ['sealos.io.type', 'apps.sealos.io/type'] as const;

/**
 * What several images' configs say together (sealos merge): labels and variables, of which the later image's win; `PATH` left out,
 * which is a container's and no cluster image's; the commands of all one after the other. With a rootfs among them it is a rootfs.
 */
export function mergedConfig(
  configs: readonly ImageConfig[],
  given: { readonly labels: Readonly<Record<string, string>>; readonly env: Readonly<Record<string, string>> },
): ContainerConfig {
  const labels: Record<string, string> = Object.assign({}, ...configs.map(({ config }) => config?.Labels ?? {}));
  if (configs.some(({ config }) => isRootfs(config?.Labels ?? {}))) {
    for (const [position, label] of TYPE_LABELS.entries()) if (position === 0 || labels[label] !== undefined) labels[label] = 'rootfs';
  }
  const Labels = { ...labels, ...given.labels };
  const variables = new Map<string, string>();
  for (const { config } of configs) {
    for (const text of config?.Env ?? []) {
      const equals = text.indexOf('=');
      if (equals > 0) variables.set(text.slice(0, equals), text.slice(equals + 1));
    }
  }
  variables.delete('PATH');
  for (const [key, value] of Object.entries(given.env)) variables.set(key, value);
  const Env = [...variables].map(([key, value]) => `${key}=${value}`);
  const Entrypoint = configs.flatMap(({ config }) => config?.Entrypoint ?? []);
  const Cmd = configs.flatMap(({ config }) => config?.Cmd ?? []);
  return {
    ...(Env.length === 0 ? {} : { Env }),
    ...(Entrypoint.length === 0 ? {} : { Entrypoint }),
    ...(Cmd.length === 0 ? {} : { Cmd }),
    ...(Object.keys(Labels).length === 0 ? {} : { Labels }),
  };
}

function isRootfs(labels: Readonly<Record<string, string>>): boolean {
  const type = TYPE_LABELS.map((label) => labels[label]).find((value) => value !== undefined && value !== '');
  return type === 'rootfs';
}
