import type { Instruction, InstructionBody, Kubefile } from './instruction.ts';
import { readJsonForm } from './json-form.ts';
import { lineError } from './kubefile-error.ts';
import { type LogicalLine, readLogicalLines } from './logical-line.ts';
import { splitAtBlanks, splitFlags, splitPairs, splitWords } from './word.ts';

const UNSUPPORTED: Readonly<Record<string, string>> = {
  RUN: 'a cluster image is built without running anything: prepare the files beforehand and COPY them',
  ADD: 'COPY does the same for files of the context; fetch and unpack beforehand what comes from elsewhere',
  HEALTHCHECK: 'the OCI image format has no place for it',
  ONBUILD: 'the OCI image format has no place for it',
  SHELL: 'the OCI image format has no place for it',
};

/** Parses a build file; `name` is how errors call it. Throws `bad-kubefile` (exit 2): `Kubefile:3: what is wrong`. */
export function parseKubefile(source: string, name = 'Kubefile'): Kubefile {
  const { lines, escapeCharacter } = readLogicalLines(source, name);
  const all = lines.map((line): Instruction => ({ line: line.line, text: line.text, ...parseLine(line, escapeCharacter, name) }));
  const position = all.findIndex(({ kind }) => kind === 'from');
  const from = all[position];
  if (from?.kind !== 'from') throw lineError(name, all[0]?.line ?? 1, 'there is no FROM', "begin with 'FROM scratch' or 'FROM IMAGE'");
  const heading = all.slice(0, position).map((instruction) => {
    if (instruction.kind !== 'arg')
      throw lineError(name, instruction.line, `only ARG can stand before FROM, not ${instruction.kind.toUpperCase()}`);
    return instruction;
  });
  const instructions = all.slice(position + 1);
  const second = instructions.find(({ kind }) => kind === 'from');
  if (second !== undefined) throw lineError(name, second.line, 'a second FROM (a build in stages) is not supported yet');
  return { name, heading, from, instructions };
}

type Refuse = (why: string, hint?: string) => Error;

function parseLine(logical: LogicalLine, escapeCharacter: string, name: string): InstructionBody {
  const { keyword, line } = logical;
  const refuse: Refuse = (why, hint) => lineError(name, line, why, hint);
  const unsupported = UNSUPPORTED[keyword];
  if (unsupported !== undefined) throw refuse(`${keyword} is not supported yet`, unsupported);
  const { flags, rest } = splitFlags(logical.rest);
  if (flags.length > 0 && keyword !== 'COPY' && keyword !== 'FROM') throw refuse(`${keyword} knows no flag '${flags[0]}'`);
  switch (keyword) {
    case 'FROM':
      return parseFrom(flags, rest, refuse);
    case 'COPY':
      return parseCopy(flags, rest, refuse);
    case 'ARG': {
      const words = splitWords(rest, escapeCharacter);
      if (words.length === 0) throw refuse('ARG needs a name');
      return { kind: 'arg', words };
    }
    case 'ENV':
    case 'LABEL': {
      const pairs = splitPairs(rest, escapeCharacter, keyword);
      if (typeof pairs === 'string') throw refuse(pairs);
      return { kind: keyword === 'ENV' ? 'env' : 'label', pairs };
    }
    case 'CMD':
    case 'ENTRYPOINT': {
      const kind = keyword === 'CMD' ? 'cmd' : 'entrypoint';
      const words = jsonForm(rest, refuse);
      return words === undefined ? { kind, form: 'shell', words: rest === '' ? [] : [rest] } : { kind, form: 'json', words };
    }
    case 'EXPOSE':
    case 'VOLUME': {
      const words = (keyword === 'VOLUME' ? jsonForm(rest, refuse) : undefined) ?? splitAtBlanks(rest);
      if (words.length === 0) throw refuse(`${keyword} needs at least one argument`);
      return { kind: keyword === 'EXPOSE' ? 'expose' : 'volume', words };
    }
    case 'WORKDIR':
    case 'USER':
    case 'STOPSIGNAL':
    case 'MAINTAINER': {
      if (rest === '') throw refuse(`${keyword} needs an argument`);
      const kinds = { WORKDIR: 'workdir', USER: 'user', STOPSIGNAL: 'stopsignal', MAINTAINER: 'maintainer' } as const;
      return { kind: kinds[keyword], value: rest };
    }
    default:
      throw refuse(`there is no instruction ${printable(keyword)}`, 'they are those of a Dockerfile: FROM, COPY, ENV, LABEL, CMD…');
  }
}

function jsonForm(rest: string, refuse: Refuse): readonly string[] | undefined {
  const words = readJsonForm(rest);
  if (words === 'not-strings') throw refuse('the JSON form takes strings only');
  return words;
}

function parseFrom(flags: readonly string[], rest: string, refuse: Refuse): InstructionBody {
  let platform: string | undefined;
  for (const flag of flags) {
    if (!flag.startsWith('--platform=')) throw refuse(`FROM knows no flag '${flag}', only --platform`);
    platform = flag.slice('--platform='.length);
  }
  const [image, as, stage, ...more] = splitAtBlanks(rest);
  const isNamed = as?.toLowerCase() === 'as' && stage !== undefined && more.length === 0;
  if (image === undefined || (as !== undefined && !isNamed)) throw refuse('FROM takes one image, or IMAGE AS NAME');
  return { kind: 'from', image, ...(platform === undefined ? {} : { platform }), ...(stage === undefined ? {} : { stage }) };
}

function parseCopy(flags: readonly string[], rest: string, refuse: Refuse): InstructionBody {
  const options: { chown?: string; chmod?: string } = {};
  for (const flag of flags) {
    const [, key, value] = /^--([a-z]+)=([\s\S]*)$/.exec(flag) ?? [];
    if (key === 'chown' && value !== undefined) options.chown = value;
    else if (key === 'chmod' && value !== undefined) options.chmod = value;
    else if (key === 'from') throw refuse('COPY --from is not supported yet', 'only files of the context can be copied');
    else throw refuse(`COPY knows no flag '${flag}', only --chown=USER:GROUP and --chmod=MODE`);
  }
  const words = jsonForm(rest, refuse) ?? splitAtBlanks(rest);
  const destination = words.at(-1);
  if (words.length < 2 || destination === undefined) throw refuse('COPY needs at least one source and a destination');
  return { kind: 'copy', sources: words.slice(0, -1), destination, ...options };
}

// What a wrong file holds is not for the user's terminal as it is.
function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > 40 ? `${clean.slice(0, 37)}...` : clean;
}
