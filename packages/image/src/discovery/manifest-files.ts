import { join } from 'node:path';
import { splitDocuments } from './documents.ts';
import { findInTemplate } from './find-in-template.ts';
import { findInText } from './find-in-text.ts';
import { isKustomization, type Replacement, replacementsOf, withReplacements } from './kustomization.ts';
import type { Mention } from './mention.ts';
import { readTextFile } from './text-file.ts';
import { readTrees } from './tree.ts';

/** The images of the files under `manifests`: YAML, JSON, templates of sealos (`.tmpl`), and what kustomizations make of them. */
export async function readManifests(
  context: string,
  files: readonly string[],
): Promise<{ readonly mentions: readonly Mention[]; readonly warnings: readonly string[] }> {
  const mentions: Mention[] = [];
  const replacements: Replacement[] = [];
  const warnings: string[] = [];
  for (const file of files) {
    if (!/\.(?:ya?ml|json|tmpl)$/i.test(file) && !/\/kustomization$/i.test(file)) continue;
    const text = await readTextFile(join(context, file));
    if (text === undefined) warnings.push(`${file} is too big for a manifest, it is not looked through`);
    else if (/kustomization/i.test(file) || /^kind:\s*["']?Kustomization/m.test(text)) replacements.push(...inKustomization(text, file));
    else mentions.push(...(/\.tmpl$/i.test(file) && text.includes('{{') ? findInTemplate(text, file) : findInText(text, file)));
  }
  return { mentions: withReplacements(mentions, replacements), warnings };
}

function inKustomization(text: string, file: string): readonly Replacement[] {
  return splitDocuments(text).flatMap((document) =>
    (readTrees(document.text, document.line) ?? []).flatMap((tree) => (isKustomization(tree, file) ? replacementsOf(tree, file) : [])),
  );
}
