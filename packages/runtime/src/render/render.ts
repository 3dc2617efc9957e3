import type { Environment } from '../cluster/cluster.ts';
import type { HostFile } from '../host/host.ts';

/** Whether a path relative to an image's root is rendered: `*.tmpl` below `etc/`, `scripts/` or `manifests/`. */
export function isTemplatePath(path: string): boolean {
  return /^(?:etc|scripts|manifests)\/(?:.*\/)?[^/]+\.tmpl$/.test(path);
}

/**
 * Renders an image's templates for one host. `templates` maps paths relative to the image's root to their content; the files come
 * back below `into`, without `.tmpl`. Throws with file, line and column where a template is wrong.
 */
export function renderTemplates(_templates: ReadonlyMap<string, Uint8Array>, _env: Environment, _into: string): readonly HostFile[] {
  throw new Error('not reached');
}
