// The last result of the chaos test, as the page that tells of it.
import { cpus, release, totalmem } from 'node:os';
import type { Survived, Told } from './telling.ts';

export interface Result {
  readonly seed: string;
  readonly begun: Date;
  readonly minutes: number;
  readonly told: readonly Told[];
  readonly survived: readonly Survived[];
}

/** Between these lines of the page is what the program writes. */
const BEGIN = '<!-- the last result: written by npm run test:chaos -->';
const END = '<!-- the end of the last result -->';

const row = (...cells: readonly (string | number)[]) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;

export const killCount = (survived: readonly Survived[]): number =>
  survived.flatMap(({ kills }) => kills).filter(({ event }) => event !== undefined).length;

const faultCount = (survived: readonly Survived[]): number => survived.flatMap(({ faults }) => faults).length;

function resultLines({ seed, begun, minutes, told, survived }: Result): readonly string[] {
  const faults = faultCount(survived);
  const untold = told.length - survived.length;
  const verdict = faults === 0 && untold === 0 ? 'after each chapter the same cluster as undisturbed' : `**${count(faults, 'fault')}**`;
  const chapters = told.map(({ chapter, seconds, events }) => {
    const mine = survived.find((one) => one.chapter.name === chapter.name);
    const outcome =
      mine === undefined ? '**not told**' : mine.faults.length === 0 ? 'the same' : `**${count(mine.faults.length, 'fault')}**`;
    return row(chapter.name, events.length, seconds, mine ? killCount([mine]) : 0, mine?.seconds ?? '–', outcome);
  });
  let number = 0;
  const kills = survived.flatMap(({ chapter, kills: all }) =>
    all.map(({ moment, meant, event, seconds }) => {
      number += 1;
      const what = event ?? `${meant}, or later: it had ended`;
      return row(
        number,
        chapter.name,
        what,
        moment.delay,
        event === undefined ? '–' : seconds,
        moment.patient ? 'hosts at rest' : 'at once',
      );
    }),
  );
  return [
    `Seed \`${seed}\`, ${begun.toISOString().slice(0, 16).replace('T', ' ')} UTC, ${count(killCount(survived), 'kill')} in ${minutes} minutes: ${verdict}.`,
    `Machine: ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}.`,
    '',
    row('chapter', 'events', 'undisturbed (s)', 'kills', 'last call (s)', 'outcome'),
    row('---', '---', '---', '---', '---', '---'),
    ...chapters,
    '',
    row('', 'chapter', 'killed at', '+ ms', 'into the call (s)', 'next call'),
    row('---', '---', '---', '---', '---', '---'),
    ...kills,
    ...survived.flatMap(({ chapter, faults: found }) => (found.length === 0 ? [] : ['', `${chapter.name}:`, '', '```', ...found, '```'])),
  ];
}

/** The page with its last result replaced. Throws when the page has no place for one. */
export function withResult(page: string, result: Result): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`the page has no '${BEGIN}' with '${END}' after it`);
  return `${page.slice(0, from + BEGIN.length)}\n\n${resultLines(result).join('\n')}\n\n${page.slice(to)}`;
}
