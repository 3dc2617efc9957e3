const controller = new AbortController();
let count = 0;

/** Aborted by the first Ctrl-C or SIGTERM: everything that waits takes it, and cleans up after itself. */
export const interrupted: AbortSignal = controller.signal;

/** The first signal asks the work at hand to end in order; the third ends the process at once. */
export function listenForInterrupts(): void {
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      count += 1;
      if (count === 1) controller.abort(new DOMException('interrupted', 'AbortError'));
      if (count === 2) process.stderr.write('sealos: still ending what is under way; once more to leave at once\n');
      if (count >= 3) process.exit(130);
    });
  }
}
