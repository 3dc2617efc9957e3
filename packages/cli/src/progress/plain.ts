import type { RunEvent } from '@sealos/runtime';
import { formatBytes } from '../output.ts';

/** `9.8 s`, `75 s`: whole seconds from ten on. */
export function formatSeconds(milliseconds: number): string {
  return milliseconds < 10_000 ? `${(milliseconds / 1000).toFixed(1)} s` : `${Math.round(milliseconds / 1000)} s`;
}

// Escape sequences (ECMA-48: CSI, OSC, and those of two characters) and what moves the cursor: programs' output must not draw on our screen.
const CONTROLS = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])|[\0-\x08\x0b-\x1f\x7f-\x9f]/g;

/** A line of a program's output, fit to be shown: without colours and control characters; of a line that was drawn over, what stood last. */
export function showable(line: string): string {
  return (line.replace(/\r+$/, '').split('\r').at(-1) ?? '').replaceAll(CONTROLS, '').replaceAll('\t', '  ').trimEnd();
}

/** Turns a run's events into lines for people, one after the other; remembers the steps' titles. */
export function makeDescription(): (event: RunEvent) => readonly string[] {
  const titles = new Map<string, string>();
  return (event) => {
    const title = 'step' in event ? (titles.get(event.step) ?? event.step) : '';
    switch (event.kind) {
      case 'plan':
        for (const step of event.steps) titles.set(step.id, step.title);
        return [];
      case 'step-started':
        return [`${event.host}  ${title}${inBrackets(event.bytes)}`];
      case 'step-done':
        return [`${event.host}  ${title}: done in ${formatSeconds(event.milliseconds)}`];
      case 'step-todo':
        return [`${event.host}  ${title}: would ${event.what}${inBrackets(event.bytes)}`];
      case 'step-failed':
        return [`${event.host}  ${title}: FAILED after ${formatSeconds(event.milliseconds)}`];
      case 'output': {
        const line = showable(event.line);
        return line === '' ? [] : [`${event.host}  | ${line}`];
      }
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

const inBrackets = (bytes: number | undefined) => (bytes === undefined ? '' : ` (${formatBytes(bytes)})`);
