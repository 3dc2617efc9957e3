import type { RunEvent } from '@sealos/runtime';
import { formatBytes } from '../output.ts';
import { formatSeconds, makeDescription, showable } from './plain.ts';

/** What the view needs of a terminal. */
export interface Screen {
  write(text: string): void;
  readonly columns: number;
  readonly rows: number;
  readonly colors: boolean;
  /** Milliseconds. */
  now(): number;
}

export interface TerminalView {
  readonly onEvent: (event: RunEvent) => void;
  /** Draws again what changes by itself: the time that steps take. */
  readonly draw: () => void;
  /** Takes away the lines of what is at work. */
  readonly end: () => void;
}

/** One host in one step, at work. */
interface Working {
  readonly host: string;
  readonly title: string;
  readonly since: number;
  readonly total: number | undefined;
  sent: number;
  /** What its command printed last. */
  line: string;
}

const COLORS = { red: 31, green: 32, yellow: 33, dim: 2 } as const;
const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;

/** Cuts a text to a number of columns; an ellipsis stands for what is left out. */
export function fit(text: string, columns: number): string {
  let used = 0;
  let end = 0;
  let endWithEllipsis = 0;
  for (const character of text) {
    used += WIDE.test(character) ? 2 : 1;
    if (used > columns) return `${text.slice(0, endWithEllipsis)}…`;
    end += character.length;
    if (used < columns) endWithEllipsis = end;
  }
  return text;
}

/**
 * Shows a run on a terminal: what has ended scrolls up; below stands one line for each host and step at work, kept up to date, with the
 * time, the bytes and the last output. Where there are more than rows, the last row counts the rest.
 */
export function makeTerminalView(screen: Screen): TerminalView {
  const describe = makeDescription();
  const titles = new Map<string, string>();
  const working = new Map<string, Working>();
  let drawn = 0;
  const paint = (color: keyof typeof COLORS, text: string) => (screen.colors ? `\x1b[${COLORS[color]}m${text}\x1b[0m` : text);
  const clearing = () => (drawn > 0 ? `\x1b[${drawn}A\x1b[0J` : '');
  const render = (above: readonly string[]) => {
    const columns = Math.max(20, screen.columns) - 1;
    const room = Math.max(1, screen.rows - 2);
    const all = [...working.values()];
    const shown = all.length > room ? all.slice(0, room - 1) : all;
    const lines = shown.map((entry) => fit(lineOf(entry, screen.now()), columns));
    if (shown.length < all.length) lines.push(fit(`and ${all.length - shown.length} more`, columns));
    // One write a frame, so that nothing flickers.
    const frame = clearing() + [...above, ...lines.map((line) => paint('dim', line))].map((line) => `${line}\n`).join('');
    drawn = lines.length;
    if (frame !== '') screen.write(frame);
  };
  const colored = (event: RunEvent, line: string) => {
    if (event.kind === 'step-failed') return paint('red', line);
    if (event.kind === 'warning') return paint('yellow', line);
    return event.kind === 'step-done' || event.kind === 'finished' ? paint('green', line) : line;
  };
  return {
    onEvent(event) {
      const lines = describe(event);
      const entry = 'step' in event ? working.get(`${event.step} ${event.host}`) : undefined;
      switch (event.kind) {
        case 'plan':
          for (const { id, title } of event.steps) titles.set(id, title);
          return;
        case 'bytes':
          if (entry) entry.sent = event.sent;
          return;
        case 'output':
          if (entry) entry.line = showable(event.line).replaceAll(/\s+/g, ' ').trim();
          return;
        case 'step-started': {
          const begun = { host: event.host, title: titles.get(event.step) ?? event.step, since: screen.now(), total: event.bytes };
          working.set(`${event.step} ${event.host}`, { ...begun, sent: 0, line: '' });
          return;
        }
        default:
          if ('step' in event) working.delete(`${event.step} ${event.host}`);
          if (lines.length > 0 || entry) render(lines.map((line) => colored(event, line)));
      }
    },
    draw: () => render([]),
    end() {
      working.clear();
      render([]);
    },
  };
}

function lineOf({ host, title, since, total, sent, line }: Working, now: number): string {
  const bytes = sent === 0 ? '' : `  ${formatBytes(sent)}${total === undefined ? '' : ` of ${formatBytes(total)}`}`;
  return `${host}  ${title}  ${formatSeconds(now - since)}${bytes}${line === '' ? '' : `  ${line}`}`;
}
