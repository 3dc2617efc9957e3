import type { RunEvent } from '@sealos/runtime';
import { jsonLine } from './json.ts';
import { makeDescription } from './plain.ts';
import { makeTerminalView } from './terminal.ts';

/** Shows a run while it is not disposed of. */
export interface RunProgress extends Disposable {
  readonly onEvent: (event: RunEvent) => void;
}

export interface ShowRunOptions {
  /** `auto`: lines that are kept up to date on a terminal, plain lines elsewhere. */
  readonly format: 'auto' | 'plain' | 'json';
  readonly quiet?: boolean | undefined;
  /** What is shown is what was asked for (a dry run's plan): it goes to stdout, as plain lines. */
  readonly isAnswer?: boolean | undefined;
}

const FRAME = 200;

/** Shows a run's events: people's forms on stderr unless they are the answer, JSON on stdout, one event a line. */
export function showRun({ format, quiet, isAnswer }: ShowRunOptions): RunProgress {
  if (format === 'json') return { onEvent: (event) => process.stdout.write(jsonLine(event)), [Symbol.dispose]: () => {} };
  if (quiet) return { onEvent: () => {}, [Symbol.dispose]: () => {} };
  if (format === 'auto' && !isAnswer && process.stderr.isTTY && process.env['TERM'] !== 'dumb') return showOnTerminal();
  const describe = makeDescription();
  return {
    onEvent(event) {
      for (const line of describe(event)) (isAnswer ? process.stdout : process.stderr).write(`${line}\n`);
    },
    [Symbol.dispose]: () => {},
  };
}

function showOnTerminal(): RunProgress {
  const view = makeTerminalView({
    write: (text) => process.stderr.write(text),
    get columns() {
      return process.stderr.columns || 80;
    },
    get rows() {
      return process.stderr.rows || 24;
    },
    // https://no-color.org: set and not empty.
    colors: !process.env['NO_COLOR'],
    now: () => performance.now(),
  });
  const timer = setInterval(view.draw, FRAME);
  timer.unref();
  return {
    onEvent: view.onEvent,
    [Symbol.dispose]() {
      clearInterval(timer);
      view.end();
    },
  };
}
