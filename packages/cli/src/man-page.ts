import { allCommands, type CommandDescription, type FlagDescription } from './command-tree.ts';
import { environmentVariables } from './environment-variables.ts';

export interface ManPageOptions {
  /** `v1.2.3` */
  readonly version: string;
  readonly date: Date;
}

/** Text as roff takes it (groff_char(7)): a backslash, a leading dot or quote and a hyphen-minus would mean something else. */
function text(value: string): string {
  return value
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[^\x20-\x7e]/g, (character) => `\\[u${character.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`)
    .replace(/^[.']/, '\\&$&')
    .trim();
}

/** A macro's argument: quotes inside are doubled. */
const argument = (value: string) => `"${text(value).replaceAll('"', '""')}"`;

function flag({ usage, description }: FlagDescription): string {
  return `.TP\n.B ${argument(usage)}\n${text(description)}`;
}

function command(description: CommandDescription): string {
  const { path, usage, flags, aliases, commands } = description;
  const parts = [`.SS ${argument(`${path} ${usage}`.trim())}`, text(description.description.replace(/\.?$/, '.'))];
  if (aliases.length > 0) parts.push(`Also called ${aliases.map(text).join(', ')}.`);
  for (const { name, description: about } of description.arguments) if (about) parts.push(`.TP\n.I ${argument(name)}\n${text(about)}`);
  parts.push(...flags.filter(({ names }) => !names.includes('--help')).map(flag));
  if (commands.length > 0) parts.push(`.PP\nCommands: ${commands.map(({ name }) => text(name)).join(', ')}.`);
  return parts.join('\n');
}

const VARIABLES: readonly (readonly [string, string])[] = environmentVariables.map(({ name, description, default: usual }) => [
  name,
  usual === '' ? description : `${description} Default: ${usual}.`,
]);

const FILES: readonly (readonly [string, string])[] = [
  ['~/.sealos/CLUSTER/Clusterfile', 'What a cluster is made of: hosts, images, environment.'],
  ['~/.sealos/CLUSTER/logs', 'The journals of past runs.'],
  ['/var/lib/sealos/data/CLUSTER', "On the hosts: the images' files."],
  ['/usr/bin/sealos', "On the control planes: this program, for the images' scripts."],
];

const STATUSES: readonly (readonly [string, string])[] = [
  ['0', 'All went well.'],
  ['1', 'Something failed; the same command may be run again.'],
  ['2', 'The input was bad; nothing was changed.'],
  ['130', 'Interrupted.'],
];

const definitions = (list: readonly (readonly [string, string])[]) =>
  list.map(([term, about]) => `.TP\n.B ${argument(term)}\n${text(about)}`).join('\n');

/** The manual page sealos(1), from the commands themselves, in the man(7) macros. */
export function manPage(root: CommandDescription, { version, date }: ManPageOptions): string {
  const [, ...commands] = allCommands(root);
  return `.\\" Made from the commands of sealos ${version}.
.TH SEALOS 1 ${date.toISOString().slice(0, 10)} ${argument(`sealos ${version}`)} "User Commands"
.SH NAME
sealos \\- ${text('make Kubernetes clusters, with their applications, from images')}
.SH SYNOPSIS
.B sealos
.I command
.RI [ flags ]
.RI [ arguments ]
.SH DESCRIPTION
${text(root.description)}
.PP
.B sealos run
makes a cluster of Linux servers that are reached over SSH.
Everything it needs is in cluster images, which
.BR "sealos build" ,
.B pull
and
.B load
bring to this machine.
A command that was interrupted or failed is run again: it goes on where it stopped.
.SH "GLOBAL FLAGS"
${root.flags.map(flag).join('\n')}
.SH COMMANDS
${commands.map(command).join('\n')}
.SH ENVIRONMENT
${definitions(VARIABLES)}
.SH FILES
${definitions(FILES)}
.SH "EXIT STATUS"
${definitions(STATUSES)}
`;
}
