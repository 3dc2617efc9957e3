import type { Instruction, InstructionBody, Kubefile, Stage } from './instruction.ts';
import { lineError } from './kubefile-error.ts';
import { type LogicalLine, readLogicalLine, readLogicalLines } from './logical-line.ts';
import { jsonForm, parseCopy, parseRun, type Refuse } from './parse-files.ts';
import { parseHealthcheck } from './parse-healthcheck.ts';
import { splitAtBlanks, splitFlags, splitPairs, splitWords } from './word.ts';

/** Parses a build file; `name` is how errors call it. Throws `bad-kubefile` (exit 2): `Kubefile:3: what is wrong`. */
export function parseKubefile(source: string, name = 'Kubefile'): Kubefile {
  const { lines, escapeCharacter } = readLogicalLines(source, name);
  const all = lines.map((line): Instruction => ({ line: line.line, text: line.text, ...parseLine(line, escapeCharacter, name) }));
  const heading: (Instruction & { readonly kind: 'arg' })[] = [];
  const stages: { readonly from: Stage['from']; readonly instructions: Instruction[] }[] = [];
  for (const instruction of all) {
    const stage = stages.at(-1);
    if (instruction.kind === 'from') stages.push({ from: instruction, instructions: [] });
    else if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === 'arg') heading.push(instruction);
    else if (all.some(({ kind }) => kind === 'from'))
      throw lineError(name, instruction.line, `only ARG can stand before FROM, not ${instruction.kind.toUpperCase()}`);
  }
  if (stages.length === 0) throw lineError(name, all[0]?.line ?? 1, 'there is no FROM', "begin with 'FROM scratch' or 'FROM IMAGE'");
  return { name, source, escapeCharacter, heading, stages };
}

/** Parses an instruction that a base image's ONBUILD keeps for the images built on it. Throws `bad-kubefile` with FROM's line. */
export function parseTrigger(text: string, line: number, name: string): Instruction {
  const logical = withDocuments(text, line, name);
  return { line, text: logical.text, ...parseLine(logical, '\\', name) };
}

// An ONBUILD with a here-document is stored over several lines.
function withDocuments(text: string, line: number, name: string): LogicalLine {
  if (!text.includes('\n')) return readLogicalLine(text, line);
  const [logical] = readLogicalLines(text, name).lines;
  return logical === undefined ? readLogicalLine(text, line) : { ...logical, line };
}

function parseLine(logical: LogicalLine, escapeCharacter: string, name: string): InstructionBody {
  const { keyword, line, documents } = logical;
  const refuse: Refuse = (why, hint) => lineError(name, line, why, hint);
  const { flags, rest } = splitFlags(logical.rest);
  const takesFlags = ['FROM', 'COPY', 'ADD', 'RUN', 'HEALTHCHECK', 'ONBUILD'].includes(keyword);
  if (flags.length > 0 && !takesFlags) throw refuse(`${keyword} knows no flag '${flags[0]}'`);
  switch (keyword) {
    case 'FROM':
      return parseFrom(flags, rest, refuse);
    case 'COPY':
      return parseCopy('COPY', flags, rest, documents, refuse);
    case 'ADD':
      return parseCopy('ADD', flags, rest, documents, refuse);
    case 'RUN':
      return parseRun(flags, rest, documents, refuse);
    case 'HEALTHCHECK':
      return { kind: 'healthcheck', check: parseHealthcheck(flags, rest, refuse) };
    case 'ONBUILD':
      return parseOnBuild(logical, escapeCharacter, name, refuse);
    case 'SHELL': {
      const words = jsonForm(rest, refuse);
      if (words === undefined || words.length === 0) throw refuse('SHELL takes the JSON form only, SHELL ["/bin/sh", "-c"]');
      return { kind: 'shell', words };
    }
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

function parseFrom(flags: readonly string[], rest: string, refuse: Refuse): InstructionBody {
  let platform: string | undefined;
  for (const flag of flags) {
    if (!flag.startsWith('--platform=')) throw refuse(`FROM knows no flag '${flag}', only --platform`);
    platform = flag.slice('--platform='.length);
  }
  const [image, as, stage, ...more] = splitAtBlanks(rest);
  const isNamed = as?.toLowerCase() === 'as' && stage !== undefined && more.length === 0;
  if (image === undefined || (as !== undefined && !isNamed)) throw refuse('FROM takes one image, or IMAGE AS NAME');
  if (stage !== undefined && !/^[a-z][a-z0-9_.-]*$/i.test(stage))
    throw refuse(`'${printable(stage)}' cannot name a stage`, 'begin with a letter; then letters, digits, dots, dashes and underscores');
  return { kind: 'from', image, ...(platform === undefined ? {} : { platform }), ...(stage === undefined ? {} : { stage }) };
}

function parseOnBuild(logical: LogicalLine, escapeCharacter: string, name: string, refuse: Refuse): InstructionBody {
  const inner: LogicalLine = { ...readLogicalLine(logical.rest, logical.line), documents: logical.documents };
  if (inner.keyword === '') throw refuse('ONBUILD needs an instruction');
  if (['ONBUILD', 'FROM', 'MAINTAINER'].includes(inner.keyword)) throw refuse(`ONBUILD cannot keep ${inner.keyword}`);
  parseLine(inner, escapeCharacter, name);
  const documents = logical.documents.map(({ name: end, content }) => `\n${content}${end}`);
  return { kind: 'onbuild', trigger: [inner.text, ...documents].join('') };
}

// What a wrong file holds is not for the user's terminal as it is.
function printable(text: string): string {
  const clean = text.replace(/[^\x20-\x7e]/g, '?');
  return clean.length > 40 ? `${clean.slice(0, 37)}...` : clean;
}
