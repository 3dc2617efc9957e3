import { allCommands, type CommandDescription, type FlagDescription, type ValueKind } from './command-tree.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** A completion script with everything in it: while the user types, nothing of sealos is started. */
export function completionScript(shell: Shell, root: CommandDescription): string {
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](root);
}

/** One word of any of the three shells. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** What a menu shows beside a word: the first clause of its description, on one line. */
const brief = (text: string) =>
  text
    .replaceAll(/\s+/g, ' ')
    .replace(/[:;(].*$/, '')
    .trim();

const namesOf = (commands: readonly CommandDescription[]) => commands.flatMap(({ name, aliases }) => [name, ...aliases]);

/** The clusters of this user, one a line: the directories that hold a Clusterfile. */
const CLUSTERS = `for file in "\${SEALOS_RUNTIME_ROOT:-$HOME/.sealos}"/*/Clusterfile; do [ -e "$file" ] && basename "$(dirname "$file")"; done`;

/** Shell code that follows the words typed so far down the commands (`at`) and steps over the values of flags. bash and zsh alike. */
function walk(root: CommandDescription): string {
  const commands = allCommands(root);
  const steps = commands.flatMap((command) =>
    command.commands.map((child) => {
      const patterns = namesOf([child]).map((name) => quoted(`${command.path} ${name}`));
      return `      ${patterns.join('|')}) at=${quoted(child.path)} ;;`;
    }),
  );
  const valued = commands.flatMap(({ path, flags }) =>
    flags.filter(({ value }) => value).flatMap(({ names }) => names.map((name) => quoted(`${path} ${name}`))),
  );
  return `    case "$at $typed" in
${steps.join('\n')}
      ${valued.join('|')}) skip=1 ;;
    esac`;
}

/** The cases of a flag's value, by `$at $previous`. */
function valueCases(root: CommandDescription, answer: (value: ValueKind) => string): string {
  const cases = allCommands(root).flatMap(({ path, flags }) =>
    flags.flatMap(({ names, value }) =>
      value ? [`    ${names.map((name) => quoted(`${path} ${name}`)).join('|')}) ${answer(value)}; return ;;`] : [],
    ),
  );
  return cases.join('\n');
}

function argumentChoices({ arguments: list }: CommandDescription): readonly string[] {
  const [first] = list;
  return first?.value.kind === 'choice' ? first.value.choices : [];
}

/** Words that may stand where a command or an argument is expected. */
const wordsOf = (command: CommandDescription) => [...namesOf(command.commands), ...argumentChoices(command)];

function bashScript(root: CommandDescription): string {
  const commands = allCommands(root);
  const answer = (value: ValueKind): string => {
    if (value.kind === 'choice') return `COMPREPLY=($(compgen -W ${quoted(value.choices.join(' '))} -- "$word"))`;
    if (value.kind === 'cluster') return `COMPREPLY=($(compgen -W "$(${CLUSTERS})" -- "$word"))`;
    return value.kind === 'file' ? '_sealos_files' : ':';
  };
  const cases = commands.map(
    (command) =>
      `    ${quoted(command.path)}) words=${quoted(wordsOf(command).join(' '))} flags=${quoted(command.flags.flatMap(({ names }) => names).join(' '))} ;;`,
  );
  return `# bash completion for sealos
_sealos_files() {
  compopt -o filenames 2>/dev/null
  COMPREPLY=($(compgen -f -- "$word"))
}

_sealos() {
  local word=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} at=${root.name} words='' flags='' skip=0 typed i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    if ((skip)); then skip=0; continue; fi
    typed=\${COMP_WORDS[i]}
    if [ "$typed" = -- ]; then _sealos_files; return; fi
${walk(root)}
  done
  case "$at $previous" in
${valueCases(root, answer)}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  if [ "\${word#-}" != "$word" ]; then COMPREPLY=($(compgen -W "$flags" -- "$word"))
  elif [ -n "$words" ]; then COMPREPLY=($(compgen -W "$words" -- "$word"))
  else _sealos_files
  fi
}
complete -F _sealos ${root.name}
`;
}

function zshScript(root: CommandDescription): string {
  const commands = allCommands(root);
  const described = (name: string, description: string) => quoted(`${name.replaceAll(':', '\\:')}:${brief(description)}`);
  const answer = (value: ValueKind): string => {
    if (value.kind === 'choice') return `compadd -- ${value.choices.map(quoted).join(' ')}`;
    if (value.kind === 'cluster') return `compadd -- \${(f)"$(${CLUSTERS})"}`;
    return value.kind === 'file' ? '_files' : '_message value';
  };
  const cases = commands.map((command) => {
    const words = [
      ...command.commands.flatMap((child) => namesOf([child]).map((name) => described(name, child.summary))),
      ...argumentChoices(command).map(quoted),
    ];
    const flags = command.flags.flatMap((flag) => flag.names.map((name) => described(name, flag.description)));
    return `    ${quoted(command.path)})
      words_here=(${words.join(' ')})
      flags=(${flags.join(' ')}) ;;`;
  });
  return `#compdef ${root.name}
# zsh completion for sealos

_sealos() {
  local previous=\${words[CURRENT-1]} typed at=${root.name} skip=0 i
  local -a words_here flags
  for ((i = 2; i < CURRENT; i++)); do
    if ((skip)); then skip=0; continue; fi
    typed=\${words[i]}
    if [[ $typed == -- ]]; then _files; return; fi
${walk(root)}
  done
  case "$at $previous" in
${valueCases(root, answer)}
  esac
  case "$at" in
${cases.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe flag flags
  elif ((\${#words_here})); then _describe command words_here
  else _files
  fi
}

if [ "$funcstack[1]" = _sealos ]; then _sealos "$@"; else compdef _sealos ${root.name}; fi
`;
}

function fishScript(root: CommandDescription): string {
  const commands = allCommands(root);
  const flagLine = (path: string, { names, description, value }: FlagDescription): string => {
    const spelled = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ');
    const values = {
      choice: () => `-x -a ${quoted(value?.kind === 'choice' ? value.choices.join(' ') : '')}`,
      cluster: () => `-x -a '(__sealos_clusters)'`,
      file: () => '-r -F',
      other: () => '-x',
    };
    return `complete -c sealos -n ${quoted(`__sealos_at ${quoted(path)}`)} ${spelled} ${value ? values[value.kind]() : ''} -d ${quoted(brief(description))}`;
  };
  const lines = commands.flatMap((command) => {
    const words = command.commands.flatMap((child) => namesOf([child]).map((name) => ({ name, about: brief(child.summary) })));
    const choices = argumentChoices(command).map((name) => ({ name, about: '' }));
    const here = `-n ${quoted(`__sealos_at ${quoted(command.path)}`)}`;
    return [
      ...[...words, ...choices].map(({ name, about }) => `complete -c sealos ${here} -f -a ${quoted(name)} -d ${quoted(about)}`),
      ...command.flags.map((flag) => flagLine(command.path, flag)),
    ];
  });
  const valued = commands.flatMap(({ path, flags }) =>
    flags.filter(({ value }) => value).flatMap(({ names }) => names.map((name) => quoted(`${path} ${name}`))),
  );
  const steps = commands.flatMap((command) =>
    command.commands.map(
      (child) =>
        `      case ${namesOf([child])
          .map((name) => quoted(`${command.path} ${name}`))
          .join(' ')}\n        set at ${quoted(child.path)}`,
    ),
  );
  return `# fish completion for sealos
function __sealos_clusters
  set -l root $SEALOS_RUNTIME_ROOT
  test -n "$root"; or set root $HOME/.sealos
  for file in $root/*/Clusterfile
    basename (dirname $file)
  end
end

# Whether the words typed so far lead to this command.
function __sealos_at
  set -l at ${root.name}
  set -l skip 0
  set -l typed (commandline -opc)
  for word in $typed[2..-1]
    if test $skip = 1
      set skip 0
      continue
    end
    switch "$at $word"
${steps.join('\n')}
      case ${valued.join(' ')}
        set skip 1
    end
  end
  test "$at" = "$argv[1]"
end

${lines.join('\n')}
`;
}
