import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Asks on the terminal; with `hidden` nothing of the answer is shown. Throws bad input when there is no terminal to ask on, or no answer (Ctrl-D). */
export async function ask(question: string, options: { readonly hidden?: boolean; readonly signal: AbortSignal }): Promise<string> {
  const { badInput } = await import('@sealos/image/local');
  const what = question.trim().replace(/:$/, '');
  if (!process.stdin.isTTY) {
    throw badInput(
      'no-terminal',
      `there is no terminal to ask on: ${what}`,
      'give the answer with a flag, a file or an environment variable',
    );
  }
  options.signal.throwIfAborted();
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: options.hidden ? silent : process.stderr, terminal: true });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const stop = () => reject(options.signal.reason);
  options.signal.addEventListener('abort', stop, { once: true });
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  lines.once('line', resolve);
  // Ctrl-D. After an answer this comes too, and does nothing.
  lines.once('close', () => reject(badInput('no-answer', `no answer: ${what}`)));
  try {
    return await promise;
  } finally {
    options.signal.removeEventListener('abort', stop);
    lines.close();
    if (options.hidden) process.stderr.write('\n');
  }
}
