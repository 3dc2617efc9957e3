import { hereMark } from './here-document.ts';
import type { CopyInstruction, HereDocument, RunInstruction } from './instruction.ts';
import { readJsonForm } from './json-form.ts';
import { splitAtBlanks } from './word.ts';

export type Refuse = (why: string, hint?: string) => Error;

/** The JSON form of an instruction, or undefined. Throws what `refuse` makes for an array of other things than strings. */
export function jsonForm(rest: string, refuse: Refuse): readonly string[] | undefined {
  const words = readJsonForm(rest);
  if (words === 'not-strings') throw refuse('the JSON form takes strings only');
  return words;
}

/** Takes a flag apart, `--name=value` or `--name`. */
export function flagOf(flag: string): { readonly key: string; readonly value: string | undefined } {
  const [, key = '', value] = /^--([a-z-]+)(?:=([\s\S]*))?$/.exec(flag) ?? [];
  return { key, value };
}

/** COPY and ADD: flags, sources (some of them here-documents) and the destination. */
export function parseCopy(
  keyword: CopyInstruction['keyword'],
  flags: readonly string[],
  rest: string,
  documents: readonly HereDocument[],
  refuse: Refuse,
): CopyInstruction {
  const options = copyFlags(keyword, flags, refuse);
  const words = jsonForm(rest, refuse) ?? splitAtBlanks(rest);
  const destination = words.at(-1);
  if (words.length < 2 || destination === undefined) throw refuse(`${keyword} needs at least one source and a destination`);
  const sources = words.slice(0, -1).filter((word) => documents.length === 0 || hereMark(word) === undefined);
  return { kind: 'copy', keyword, sources, destination, documents, ...options };
}

function copyFlags(keyword: CopyInstruction['keyword'], flags: readonly string[], refuse: Refuse): Partial<CopyInstruction> {
  let options: Partial<CopyInstruction> = {};
  for (const flag of flags) {
    const { key, value } = flagOf(flag);
    if (key === 'chown' && value !== undefined) options = { ...options, chown: value };
    else if (key === 'chmod' && value !== undefined) options = { ...options, chmod: value };
    else if (key === 'exclude' && value !== undefined) options = { ...options, excludes: [...(options.excludes ?? []), value] };
    else if (key === 'link') options = { ...options, link: yesOrNo(value, flag, refuse) };
    else if (key === 'parents' && keyword === 'COPY') options = { ...options, parents: yesOrNo(value, flag, refuse) };
    else if (key === 'from' && keyword === 'COPY' && value !== undefined && value !== '') options = { ...options, from: value };
    else if (key === 'checksum' && keyword === 'ADD' && value !== undefined) options = { ...options, checksum: value };
    else {
      const known =
        keyword === 'COPY'
          ? '--from, --chown, --chmod, --link, --parents and --exclude'
          : '--chown, --chmod, --checksum, --link and --exclude';
      throw refuse(`${keyword} knows no flag '${flag}', only ${known}`);
    }
  }
  return options;
}

function yesOrNo(value: string | undefined, flag: string, refuse: Refuse): boolean {
  if (value === undefined || value === 'true') return true;
  if (value === 'false') return false;
  throw refuse(`'${flag}' is neither true nor false`);
}

/** RUN: flags and the command, in either form. */
export function parseRun(flags: readonly string[], rest: string, documents: readonly HereDocument[], refuse: Refuse): RunInstruction {
  const mounts: string[] = [];
  let network: RunInstruction['network'] = 'default';
  for (const flag of flags) {
    const { key, value } = flagOf(flag);
    if (key === 'mount' && value !== undefined) mounts.push(value);
    else if (key === 'network' && (value === 'default' || value === 'none' || value === 'host')) network = value;
    else if (key === 'network') throw refuse(`'${flag}': a network is none, host or default`);
    else if (key === 'security' && value === 'sandbox') continue;
    else throw refuse(`RUN knows no flag '${flag}', only --mount and --network`);
  }
  const words = jsonForm(rest, refuse);
  if (rest === '' || words?.length === 0) throw refuse('RUN needs a command');
  return { kind: 'run', form: words === undefined ? 'shell' : 'json', words: words ?? [rest], documents, network, mounts };
}
