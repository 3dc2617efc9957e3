import type { Command, Option } from 'commander';

/** The command that the words lead to, and where its own words begin. */
function innermost(command: Command, words: readonly string[]): Command {
  for (const word of words) {
    if (word.startsWith('-')) continue;
    const child = command.commands.find((one) => one.name() === word || one.aliases().includes(word));
    return child ? innermost(child, words.slice(words.indexOf(word) + 1)) : command;
  }
  return command;
}

/** Does the flag's own reading take the word? One without a reading of its own takes any. */
function takes({ parseArg }: Option, word: string): boolean {
  if (!parseArg) return true;
  try {
    parseArg(word, undefined);
    return true;
  } catch {
    return false;
  }
}

/**
 * Flags as programs in Go take them, which is how published scripts write them: `--force=true` is `--force`, `--force=false` is as if it
 * was not written; and in `build --pull .`, where `.` is none of the values that --pull may have, the dot is not --pull's.
 */
export function readGoFlags(command: Command, words: readonly string[]): readonly string[] {
  const { options } = innermost(command, words);
  const end = words.includes('--') ? words.indexOf('--') : words.length;
  return words.flatMap((word, index) => {
    if (index >= end || !word.startsWith('-')) return [word];
    const [name = '', value] = word.split('=', 2);
    const option = options.find((one) => one.long === name || one.short === word);
    if (!option?.long) return [word];
    if (option.isBoolean() && value !== undefined) {
      if (/^(true|1)$/i.test(value)) return [option.long];
      if (/^(false|0)$/i.test(value)) return [];
    }
    const next = words[index + 1];
    const isAlone = option.optional && value === undefined && next !== undefined && !next.startsWith('-');
    return isAlone && !takes(option, next) ? [`${option.long}=${option.presetArg ?? 'true'}`] : [word];
  });
}
