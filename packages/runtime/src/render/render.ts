import { posix } from 'node:path';
import { SealosError } from '@sealos/image';
import { type RenderOptions, renderTemplate, type TemplateData, TemplateError } from '@sealos/template';
import type { Environment } from '../cluster/cluster.ts';
import type { HostFile } from '../host/host.ts';
import { isSecretKey } from '../image-contract/environment.ts';

const suffix = '.tmpl';

/** Whether a path relative to an image's root is rendered: `*.tmpl` below `etc/`, `scripts/` or `manifests/`; not one that would become `.` or `..`. */
export function isTemplatePath(path: string): boolean {
  return /^(?:etc|scripts|manifests)\/(?:.*\/)?(?!\.{1,2}\.tmpl$)[^/]+\.tmpl$/.test(path);
}

/**
 * Renders an image's templates for one host. `templates` maps paths relative to the image's root to their content; the files come
 * back below `into`, without `.tmpl`, sorted by path. What is in `scripts/` or begins with `#!` may be executed (images lose the bits); what
 * holds the value of a password is root's alone. Throws with file, line and column where a template is wrong.
 */
export function renderTemplates(templates: ReadonlyMap<string, Uint8Array>, env: Environment, into: string): readonly HostFile[] {
  const data = Object.fromEntries(env);
  const secrets = [...env].filter(([key, value]) => isSecretKey(key) && value !== '').map(([, value]) => value);
  return [...templates.keys()].sort().map((path) => {
    const content = renderText(decode(templates.get(path) ?? new Uint8Array(), path), data, { name: path });
    const executable = path.startsWith('scripts/') || content.startsWith('#!');
    const guarded = secrets.some((value) => content.includes(value));
    return {
      path: posix.join(into, path.slice(0, -suffix.length)),
      content,
      mode: (executable ? 0o755 : 0o644) & (guarded ? 0o700 : 0o777),
    };
  });
}

/** Renders one Go template. Throws bad input that says file, line and column. */
export function renderText(text: string, data: TemplateData, options: RenderOptions): string {
  try {
    return renderTemplate(text, data, options);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const message = error.message.replace(/^template: /, '');
    throw new SealosError('bad-template', message, { hint: error.hint, exitCode: 2, cause: error });
  }
}

function decode(content: Uint8Array, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch (cause) {
    throw new SealosError('bad-template', `${path}: is not text in UTF-8`, { exitCode: 2, cause });
  }
}
