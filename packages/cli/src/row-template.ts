import { formatTable } from './output.ts';

/**
 * A Go template for each row, one a line; `\t` and `\n` are written as they are typed. `table TEMPLATE` aligns its tabs as columns below
 * the names of its fields, as docker and buildah do. Throws bad input for a template that is wrong, before anything is printed.
 */
export async function formatRows(
  format: string,
  rows: readonly Readonly<Record<string, string>>[],
  options: { readonly heading: boolean },
): Promise<string> {
  const { parseTemplate, TemplateError } = await import('@sealos/template');
  const { badInput } = await import('@sealos/image/local');
  const isTable = /^table\s/.test(format);
  const text = format
    .replace(/^table\s+/, '')
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n');
  const unknown = [...text.matchAll(/\{\{-?\s*\.(\w+)/g)]
    .map(([, field = '']) => field)
    .find((field) => rows[0] && !Object.hasOwn(rows[0], field));
  if (unknown !== undefined)
    throw badInput('bad-template', `--format: there is no field .${unknown}`, `there are ${Object.keys(rows[0] ?? {}).join(', ')}`);
  let lines: readonly string[];
  try {
    const template = parseTemplate(text, { name: '--format' });
    lines = rows.map((row) => template.execute(row));
  } catch (error) {
    if (error instanceof TemplateError) throw badInput('bad-template', error.message.replace(/^template: /, ''), error.hint);
    throw error;
  }
  if (!isTable) return lines.join('\n');
  const header = text.replaceAll(/\{\{-?\s*\.(\w+)[^}]*\}\}/g, (_, field: string) =>
    field.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toUpperCase(),
  );
  const table = formatTable(
    header.split('\t'),
    lines.map((line) => line.split('\t')),
  );
  return options.heading ? table : table.split('\n').slice(1).join('\n');
}
