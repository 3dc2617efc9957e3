import type { Command } from 'commander';

/** The flags of every command that reads templated documents. */
export interface ValuesFlags {
  readonly values: readonly string[];
  readonly set: readonly string[];
  readonly configFile: readonly string[];
}

export function collect(value: string, list: readonly string[]): readonly string[] {
  return [...list, value];
}

export function addValuesOptions(command: Command): Command {
  return command
    .option('--values <file>', 'values for templates: a YAML file or URL, later ones over earlier ones; repeatable', collect, [])
    .option('--set <key=value>', 'a value for templates, as helm has it; repeatable', collect, [])
    .option('--config-file <file>', 'a file or URL with Config and kubeadm documents; repeatable', collect, []);
}
