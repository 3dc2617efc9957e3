import type { Change, ChangeKind } from './change.ts';

const headings: Readonly<Record<ChangeKind, string>> = {
  image: 'images',
  host: 'hosts',
  login: 'login',
  environment: 'environment',
  command: 'command',
  kubeadm: 'kubeadm documents',
  k3s: 'options of k3s',
  config: 'Configs',
};

const signs = { add: '+', remove: '-', change: '~' } as const;

/**
 * Changes as people read them: under a heading for each kind a line each, `+` what comes, `-` what goes, `~` what changes, `!` what cannot
 * be. Ends without a newline; empty text where nothing differs.
 */
export function formatChanges(changes: readonly Change[]): string {
  const kinds = [...new Set(changes.map(({ kind }) => kind))];
  return kinds
    .map((kind) =>
      [`${headings[kind]}:`, ...changes.filter((change) => change.kind === kind).map((change) => `  ${line(change)}`)].join('\n'),
    )
    .join('\n');
}

function line({ action, subject, from, to, note, refused }: Change): string {
  const value =
    from !== undefined && to !== undefined ? `: ${from} -> ${to}` : from !== undefined || to !== undefined ? `: ${from ?? to}` : '';
  const more = refused === undefined ? note : `not on a cluster that stands: ${refused}`;
  return `${refused === undefined ? signs[action] : '!'} ${subject}${value}${more === undefined ? '' : `   (${more})`}`;
}
