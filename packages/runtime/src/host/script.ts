/** Shell text that needs no quoting: written here, or an image's own command line. */
export interface Raw {
  readonly kind: 'raw';
  readonly text: string;
}

/** A value that is quoted like any other and never shown. */
export interface Secret {
  readonly kind: 'secret';
  readonly text: string;
}

/** A bash script. `secrets` are blotted out wherever the script or its output is shown. */
export interface Script {
  readonly kind: 'script';
  readonly text: string;
  readonly secrets: readonly string[];
}

export type ScriptValue = string | number | Raw | Secret | Script | readonly string[];

/** The one quoting function: any text as one word of POSIX shell (single quotes; `'` as `'\''`). */
export function quote(text: string): string {
  if (text.includes('\0')) throw new TypeError('a shell word cannot hold a NUL character');
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function raw(text: string): Raw {
  return { kind: 'raw', text };
}

export function secret(text: string): Secret {
  return { kind: 'secret', text };
}

/** A bash script as a tagged template: every value becomes one quoted word, an array becomes several; `raw` and scripts go in as they are. */
export function script(strings: TemplateStringsArray, ...values: readonly ScriptValue[]): Script {
  // A tag is given undefined for text with a wrong escape (`\\1`), where any other template is a syntax error.
  if (strings.some((part: string | undefined) => part === undefined))
    throw new TypeError(`a script has an escape that is none: ${strings.raw.join('…')}`);
  const secrets: string[] = [];
  const words = values.map((value) => {
    if (typeof value === 'string') return quote(value);
    if (typeof value === 'number') return String(value);
    if ('kind' in value) {
      if (value.kind === 'raw') return value.text;
      if (value.kind === 'script') {
        secrets.push(...value.secrets);
        return value.text;
      }
      secrets.push(value.text);
      return quote(value.text);
    }
    return value.map(quote).join(' ');
  });
  return { kind: 'script', text: strings.reduce((text, part, index) => text + words[index - 1] + part), secrets };
}
