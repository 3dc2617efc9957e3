import type { Config } from '../cluster/cluster.ts';
import { layConfigs } from '../cluster/lay-documents.ts';
import type { Change } from './change.ts';
import { shown } from './shown.ts';

/** Configs that came, went or changed. Their data is not shown, only how many lines of it changed: it may hold passwords. */
export function configChanges(from: readonly Config[], to: readonly Config[]): readonly Change[] {
  const [before, after] = [layConfigs([], from), layConfigs([], to)];
  const gone = before.filter(({ name }) => !after.some((other) => other.name === name));
  const removed = gone.map((config): Change => ({ kind: 'config', action: 'remove', subject: nameOf(config), note: placeOf(config) }));
  const others = after.flatMap((config): readonly Change[] => {
    const old = before.find(({ name }) => name === config.name);
    if (old === undefined) return [{ kind: 'config', action: 'add', subject: nameOf(config), note: placeOf(config) }];
    const notes = [
      ...(['match', 'path', 'strategy'] as const).flatMap((member) =>
        old[member] === config[member] ? [] : [`${member} ${shown(member, old[member])} -> ${shown(member, config[member])}`],
      ),
      ...(old.data === config.data ? [] : [dataNote(old.data, config.data)]),
    ];
    return notes.length === 0 ? [] : [{ kind: 'config', action: 'change', subject: nameOf(config), note: notes.join('; ') }];
  });
  return [...removed, ...others];
}

function nameOf({ name, path }: Config): string {
  return name === '' ? `(without a name) ${path}` : name;
}

function placeOf({ path, match }: Config): string {
  return `${path} of ${match === '' ? 'every image' : match}`;
}

function dataNote(from: string, to: string): string {
  const [old, now] = [from.split('\n'), to.split('\n')];
  const count = (lines: readonly string[], others: readonly string[]) => {
    const left = new Map<string, number>();
    for (const line of others) left.set(line, (left.get(line) ?? 0) + 1);
    return lines.filter((line) => {
      const more = left.get(line) ?? 0;
      left.set(line, more - 1);
      return more <= 0;
    }).length;
  };
  const [added, removed] = [count(now, old), count(old, now)];
  return added + removed === 0 ? 'data: lines in another order' : `data: ${added} lines added, ${removed} removed`;
}
