import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';

/** Asks on the terminal; with `hidden` nothing of the answer is shown. Throws when there is no terminal to ask on. */
export function ask(question: string, options: { readonly hidden?: boolean; readonly signal: AbortSignal }): Promise<string> {
  if (!process.stdin.isTTY) return Promise.reject(new Error('there is no terminal to ask on'));
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: options.hidden ? silent : process.stderr, terminal: true });
  return new Promise((resolve, reject) => {
    const stop = () => {
      lines.close();
      reject(options.signal.reason);
    };
    options.signal.addEventListener('abort', stop, { once: true });
    lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
    lines.once('line', (line) => {
      options.signal.removeEventListener('abort', stop);
      lines.close();
      if (options.hidden) process.stderr.write('\n');
      resolve(line);
    });
  });
}
