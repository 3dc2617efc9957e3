import type { Measurement } from './measure.ts';

/** One thing that was measured, with what it should be at most. */
export type Row =
  | {
      readonly kind: 'ratio';
      readonly what: string;
      readonly peer: string;
      /** Ours may take at most this share of the peer's time; undefined for what is only a part of what has a target. */
      readonly target: number | undefined;
      readonly ours: Measurement;
      readonly theirs: Measurement;
    }
  | {
      readonly kind: 'limit';
      readonly what: string;
      readonly value: number;
      readonly limit: number;
      readonly unit: 'MB' | 'ms';
      readonly note: string;
    };

export function isMet(row: Row): boolean {
  return row.kind === 'limit' ? row.value <= row.limit : row.ours.seconds / row.theirs.seconds <= (row.target ?? Number.POSITIVE_INFINITY);
}

const line = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`;
const seconds = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(1));
const verdict = (row: Row) => (isMet(row) ? 'met' : '**missed**');

/** The rows as a table of a page. */
export function tableLines(rows: readonly Row[]): readonly string[] {
  const ratios = rows.flatMap((row) => {
    if (row.kind !== 'ratio') return [];
    const { what, peer, target, ours, theirs } = row;
    return line(
      what,
      `${seconds(ours.seconds)} s`,
      `${seconds(theirs.seconds)} s`,
      `${(ours.seconds / theirs.seconds).toFixed(3)}x`,
      target === undefined ? '' : `${target.toFixed(2)}x`,
      target === undefined ? '' : verdict(row),
      `${seconds(ours.cpuSeconds)} / ${seconds(theirs.cpuSeconds)} s`,
      `${ours.megabytes.toFixed(0)} / ${theirs.megabytes.toFixed(0)} MB`,
      peer,
    );
  });
  const limits = rows.flatMap((row) =>
    row.kind === 'limit'
      ? `${row.what}: ${row.value.toFixed(0)} ${row.unit}, target at most ${row.limit} ${row.unit}: ${verdict(row)}${row.note === '' ? '' : ` (${row.note})`}.`
      : [],
  );
  return [
    line('command', 'ours', 'theirs', 'ratio', 'target', 'verdict', 'processor time', 'memory', 'peer'),
    line(...Array.from({ length: 9 }, () => '---')),
    ...ratios,
    '',
    ...limits,
  ];
}
