import type { OnTransfer, TransferEvent } from '@sealos/image';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Bytes as people read them, decimal units: `1.5 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A value as JSON for people and programs: what JSON leaves as it is and a terminal would obey is written as `\\uXXXX`, which means the same. */
export function formatJson(value: unknown): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(value, undefined, 2).replace(/[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, escaped);
}

/** Rows as columns, two blanks apart, as docker prints its lists. */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

interface Transfer {
  readonly title: string;
  readonly total: number | undefined;
  bytes: number;
}

export interface TransferProgress extends Disposable {
  readonly onEvent: OnTransfer;
  /** Prints whole lines without disturbing what is shown. */
  readonly print: (lines: string) => void;
}

/**
 * Shows transfers on stderr: on a terminal one line each, kept up to date, else one line when each is done. Dispose of it before
 * printing the result, on errors too.
 */
export function showTransfers(options: { readonly quiet?: boolean | undefined }): TransferProgress {
  if (options.quiet) return { onEvent: () => {}, print: () => {}, [Symbol.dispose]: () => {} };
  return process.stderr.isTTY ? showOnTerminal() : showAsLines();
}

function lineOf(transfer: Transfer, state: string): string {
  const size =
    transfer.total === undefined ? formatBytes(transfer.bytes) : `${formatBytes(transfer.bytes)} / ${formatBytes(transfer.total)}`;
  return `${transfer.title}  ${transfer.bytes > 0 || transfer.total ? `${size}  ` : ''}${state}`;
}

function track(transfers: Map<string, Transfer>, event: TransferEvent): Transfer | undefined {
  if (event.kind === 'start') transfers.set(event.id, { title: event.title, total: event.bytes, bytes: 0 });
  const transfer = transfers.get(event.id);
  if (transfer && event.kind === 'progress') transfer.bytes = event.bytes;
  return transfer;
}

function showAsLines(): TransferProgress {
  const transfers = new Map<string, Transfer>();
  const onEvent = (event: TransferEvent) => {
    const transfer = track(transfers, event);
    if (event.kind === 'skip') process.stderr.write(`${event.title}  ${event.why}\n`);
    if (event.kind === 'done' && transfer) {
      transfer.bytes = Math.max(transfer.bytes, transfer.total ?? 0);
      process.stderr.write(`${lineOf({ ...transfer, total: undefined }, 'done')}\n`);
      transfers.delete(event.id);
    }
  };
  return { onEvent, print: (lines) => process.stderr.write(lines), [Symbol.dispose]: () => {} };
}

function showOnTerminal(): TransferProgress {
  const transfers = new Map<string, Transfer>();
  let drawn = 0;
  const clear = () => {
    if (drawn > 0) process.stderr.write(`\x1b[${drawn}A\x1b[0J`);
    drawn = 0;
  };
  const draw = () => {
    clear();
    const width = process.stderr.columns || 80;
    const lines = [...transfers.values()].slice(0, 12).map((transfer) =>
      lineOf(transfer, '')
        .trimEnd()
        .slice(0, width - 1),
    );
    if (lines.length > 0) process.stderr.write(`${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const timer = setInterval(draw, 100);
  timer.unref();
  const onEvent = (event: TransferEvent) => {
    const transfer = track(transfers, event);
    if (event.kind !== 'done' && event.kind !== 'skip') return;
    clear();
    if (event.kind === 'skip') process.stderr.write(`${event.title}  ${event.why}\n`);
    else if (transfer) {
      transfer.bytes = Math.max(transfer.bytes, transfer.total ?? 0);
      process.stderr.write(`${lineOf({ ...transfer, total: undefined }, 'done')}\n`);
    }
    transfers.delete(event.id);
    draw();
  };
  return {
    onEvent,
    print: (lines) => {
      clear();
      process.stderr.write(lines);
      draw();
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      clear();
    },
  };
}
