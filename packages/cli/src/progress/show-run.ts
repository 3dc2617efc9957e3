import type { RunEvent } from '@sealos/runtime';
import { formatBytes } from '../output.ts';

export interface RunProgress extends Disposable {
  readonly onEvent: (event: RunEvent) => void;
}

export interface ShowRunOptions {
  /** `auto`: lines that are kept up to date on a terminal, plain lines elsewhere. */
  readonly format: 'auto' | 'plain' | 'json';
  readonly quiet?: boolean | undefined;
}

/** Shows a run's events: people's forms on stderr, JSON on stdout, one event a line. */
export function showRun({ format, quiet }: ShowRunOptions): RunProgress {
  if (format === 'json') return { onEvent: (event) => process.stdout.write(`${JSON.stringify(event)}\n`), [Symbol.dispose]: () => {} };
  if (quiet) return { onEvent: () => {}, [Symbol.dispose]: () => {} };
  if (format === 'auto' && process.stderr.isTTY) return showOnTerminal();
  const describe = makeDescription();
  return {
    onEvent(event) {
      for (const line of describe(event)) process.stderr.write(`${line}\n`);
    },
    [Symbol.dispose]: () => {},
  };
}

export function formatSeconds(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${Math.round(milliseconds / 1000)} s`;
}

/** Turns events into lines; remembers the steps' titles. */
export function makeDescription(): (event: RunEvent) => readonly string[] {
  const titles = new Map<string, string>();
  return (event) => {
    const title = 'step' in event ? (titles.get(event.step) ?? event.step) : '';
    switch (event.kind) {
      case 'plan':
        for (const step of event.steps) titles.set(step.id, step.title);
        return [];
      case 'step-started':
        return [`${event.host}  ${title}${event.bytes === undefined ? '' : ` (${formatBytes(event.bytes)})`}`];
      case 'step-done':
        return [`${event.host}  ${title}: done in ${formatSeconds(event.milliseconds)}`];
      case 'step-todo':
        return [`${event.host}  ${title}: would ${event.what}${event.bytes === undefined ? '' : ` (${formatBytes(event.bytes)})`}`];
      case 'step-failed':
        return [`${event.host}  ${title}: FAILED after ${formatSeconds(event.milliseconds)}`];
      case 'output':
        return [`${event.host}  | ${event.line}`];
      case 'warning':
        return [`warning: ${event.message}`];
      case 'finished':
        return [`finished in ${formatSeconds(event.milliseconds)}: ${event.changed} changed, ${event.skipped} as they should be`];
      case 'step-skipped':
      case 'bytes':
        return [];
    }
  };
}

interface Working {
  readonly title: string;
  readonly host: string;
  readonly since: number;
  readonly total: number | undefined;
  sent: number;
  line: string;
}

/** One line for each host and step at work, below the finished ones; output goes into the line of its host. */
function showOnTerminal(): RunProgress {
  const describe = makeDescription();
  const working = new Map<string, Working>();
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) process.stderr.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  const draw = () => {
    clear();
    const width = Math.max(20, process.stderr.columns || 80);
    const rows = Math.max(1, (process.stderr.rows || 24) - 2);
    const lines = [...working.values()].slice(0, rows).map((entry) => describeWork(entry).slice(0, width - 1));
    if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, 200);
  timer.unref();
  return {
    onEvent(event) {
      const lines = describe(event);
      const key = 'host' in event && 'step' in event ? `${event.step} ${event.host}` : '';
      const entry = working.get(key);
      if (event.kind === 'output') {
        if (entry) entry.line = event.line;
        return;
      }
      if (event.kind === 'bytes') {
        if (entry) entry.sent = event.sent;
        return;
      }
      if (event.kind === 'step-started') {
        const title = lines[0]?.slice(event.host.length + 2) ?? event.step;
        working.set(key, { title, host: event.host, since: Date.now(), total: event.bytes, sent: 0, line: '' });
        return;
      }
      working.delete(key);
      clear();
      for (const line of lines) process.stderr.write(`${line}\n`);
      draw();
    },
    [Symbol.dispose]() {
      clearInterval(timer);
      clear();
    },
  };
}

function describeWork({ title, host, since, total, sent, line }: Working): string {
  const bytes = total !== undefined && sent > 0 ? `  ${formatBytes(sent)} of ${formatBytes(total)}` : '';
  const detail = line === '' ? '' : `  ${line.replaceAll(/\s+/g, ' ')}`;
  return `${host}  ${title}  ${formatSeconds(Date.now() - since)}${bytes}${detail}`;
}
