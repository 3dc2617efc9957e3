import type { CopyStep, RunStep } from './build-step.ts';
import { imagePath } from './destination.ts';
import { hereMark } from './here-document.ts';
import type { CopyInstruction, RunInstruction } from './instruction.ts';
import { parseMount } from './run-mount.ts';
import type { StageState } from './stage-config.ts';

/** How an instruction's words are read, and what is thrown when they are wrong. */
export interface Reader {
  readonly replace: (word: string) => string;
  /** As `replace`, but as in a here-document of a shell: quotes are characters like others. */
  readonly replaceDocument: (text: string) => string;
  readonly refuse: (why: string, hint?: string) => Error;
}

/** COPY or ADD with its variables replaced. */
export function copyStep(instruction: CopyInstruction, state: StageState, reader: Reader): CopyStep {
  const { replace, replaceDocument, refuse } = reader;
  const { keyword, sources, documents, destination, from, chown, chmod, checksum, parents, excludes, link } = instruction;
  const mode = chmod === undefined ? undefined : replace(chmod);
  if (mode !== undefined && !/^[0-7]{1,4}$/.test(mode)) throw refuse(`--chmod=${mode} is not an octal mode such as 0755`);
  if (documents.length > 0 && from !== undefined) throw refuse('a here-document comes from no stage: leave --from out');
  return {
    kind: 'copy',
    keyword,
    sources: sources.map(replace),
    documents: documents.map(({ name, content, expand }) => ({ name, content: expand ? replaceDocument(content) : content })),
    destination: imagePath(replace(destination), state.workdir ?? '/'),
    ...(from === undefined ? {} : { from: replace(from) }),
    ...(chown === undefined ? {} : { chown: replace(chown) }),
    ...(mode === undefined ? {} : { chmod: Number.parseInt(mode, 8) }),
    ...(checksum === undefined ? {} : { checksum: replace(checksum) }),
    ...(parents === undefined ? {} : { parents }),
    ...(excludes === undefined ? {} : { excludes: excludes.map(replace) }),
    ...(link === undefined ? {} : { link }),
  };
}

/** RUN as it is to be run: with its shell, its variables, and where it runs. */
export function runStep(instruction: RunInstruction, state: StageState, args: Readonly<Record<string, string>>, reader: Reader): RunStep {
  const workdir = state.workdir ?? '/';
  const mounts = instruction.mounts.map((text) => {
    const mount = parseMount(reader.replace(text), workdir);
    if (typeof mount === 'string') throw reader.refuse(`--mount=${text}: ${mount}`);
    return mount;
  });
  return {
    kind: 'run',
    ...commandOf(instruction, state.shell ?? DEFAULT_SHELL),
    env: { ...args, ...Object.fromEntries(state.env) },
    user: state.user ?? '',
    workdir,
    network: instruction.network,
    mounts,
  };
}

export const DEFAULT_SHELL: readonly string[] = ['/bin/sh', '-c'];

function commandOf(instruction: RunInstruction, shell: readonly string[]): Pick<RunStep, 'argv' | 'program'> {
  const { form, words, documents } = instruction;
  if (form === 'json') return { argv: words };
  const [line = ''] = words;
  const [only] = documents;
  if (only === undefined) return { argv: [...shell, line] };
  // Nothing but a here-document: its text is the script.
  if (documents.length === 1 && hereMark(line.trim()) !== undefined) {
    return only.content.startsWith('#!') ? { argv: [], program: only.content } : { argv: [...shell, only.content] };
  }
  return { argv: [...shell, `${line}\n${documents.map(({ name, content }) => `${content}${name}\n`).join('')}`] };
}
