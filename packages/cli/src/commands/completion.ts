import { Argument, Command } from 'commander';
import { commands } from '../command-list.ts';

const names = () => commands.flatMap((entry) => [entry.name, ...(entry.aliases ?? [])]).join(' ');

/** Completes the command's name, then files; the flags of a command are read from its own help. */
const scripts: Readonly<Record<string, () => string>> = {
  bash: () => `_sealos() {
  local word=\${COMP_WORDS[COMP_CWORD]}
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${names()}' -- "$word"))
  elif [ "\${word#-}" != "$word" ]; then
    COMPREPLY=($(compgen -W "$(sealos "\${COMP_WORDS[1]}" --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*')" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _sealos sealos
`,
  zsh: () => `#compdef sealos
_sealos() {
  if (( CURRENT == 2 )); then
    compadd -- ${names()}
  elif [[ $PREFIX == -* ]]; then
    compadd -- \${(f)"$(sealos $words[2] --help 2>/dev/null | grep -o -- '--[a-z][a-z-]*')"}
  else
    _files
  fi
}
compdef _sealos sealos
`,
  fish: () => `complete -c sealos -f -n '__fish_use_subcommand' -a '${names()}'
complete -c sealos -n 'not __fish_use_subcommand' -a '(sealos (commandline -opc)[2] --help 2>/dev/null | string match -r -- "--[a-z][a-z-]*")'
`,
};

export function completionCommand(): Command {
  return new Command('completion')
    .description('Print a completion script: source it in your shell, e.g. source <(sealos completion bash)')
    .addArgument(new Argument('<shell>').choices(Object.keys(scripts)))
    .action((shell: string) => {
      process.stdout.write(scripts[shell]?.() ?? '');
    });
}
