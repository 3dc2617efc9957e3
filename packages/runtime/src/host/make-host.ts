import type { Duplex } from 'node:stream';
import { HostError } from '../error.ts';
import { dialByShell, forbidsForwarding } from './dial-by-shell.ts';
import { dialWithin } from './dial-within.ts';
import type { Address, Host, Output, RunOptions } from './host.ts';
import { hostName } from './host-name.ts';
import { type Script, script } from './script.ts';
import { Shell } from './shell.ts';
import type { Identity } from './start-bash.ts';
import type { Transport } from './transport.ts';
import { unpack } from './unpack.ts';
import { writeFiles } from './write-files.ts';

export interface HostOptions {
  readonly address: Address;
  readonly user: string;
  readonly isRoot: boolean;
  /** For sudo, where the user is not root. */
  readonly password: string | undefined;
  readonly signal: AbortSignal;
}

/** Milliseconds. */
const DIAL_TIMEOUT = 10_000;

/** What a host is asked before the first archive is sent to it. */
interface BulkAnswers {
  /** Process id of the shell's loop there. */
  readonly loop: number;
  /** Decompressors. */
  readonly programs: readonly string[];
}

async function dial(transport: Transport, ip: string, port: number): Promise<Duplex> {
  try {
    return await transport.dial(ip, port);
  } catch (error) {
    if (!forbidsForwarding(error)) throw error;
    return await dialByShell(transport, ip, port);
  }
}

/** A host over a transport, which is the host's from then on: one bash for all scripts, one more command for each bulk transfer. */
export async function makeHost(transport: Transport, options: HostOptions): Promise<Host> {
  const identity: Identity = { ...options, name: hostName(options.address) };
  const shell = await Shell.open(transport, identity, options.signal).catch(async (error: unknown) => {
    await transport[Symbol.asyncDispose]();
    throw error;
  });
  const run = (text: Script, runOptions: RunOptions): Promise<Output> => shell.run(text, runOptions);
  let answers: Promise<BulkAnswers> | undefined;
  const askBulk = async (): Promise<BulkAnswers> => {
    // `$$` is the shell's own loop, also in the subshell that a script is.
    const asked = script`echo $$; for program in gzip zstd; do if command -v "$program" >/dev/null; then echo "$program"; fi; done`;
    const { stdout } = await run(asked, { title: 'looking for decompressors' });
    const [loop = '', ...programs] = stdout.split('\n');
    return { loop: Number(loop), programs };
  };
  const hands: Pick<Host, 'run' | 'unpack'> = {
    run,
    async unpack(body, into, unpackOptions) {
      answers ??= askBulk();
      const { loop, programs } = await answers.catch((error: unknown) => {
        body.destroy();
        throw error;
      });
      await unpack({ transport, identity, loop, programs }, body, into, unpackOptions);
    },
  };
  return {
    ...hands,
    address: options.address,
    name: identity.name,
    writeFiles: (files, writeOptions) => writeFiles({ ...hands, temporary: shell.temporary }, files, writeOptions),
    async readFile(path, { signal } = {}) {
      const { stdout } = await run(script`if [ -f ${path} ]; then echo yes; base64 -w0 < ${path}; fi`, {
        title: `reading ${path}`,
        signal,
      });
      const [there, content] = stdout.split('\n');
      return there === 'yes' ? Buffer.from(content ?? '', 'base64') : undefined;
    },
    async dial(ip, port, { title, signal }) {
      const connection = await dialWithin(dial(transport, ip, port), DIAL_TIMEOUT, signal).catch((error: unknown) => {
        signal?.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        throw new HostError('not-listening', `no connection from there to ${ip}:${port}: ${why}`, {
          host: identity.name,
          title,
          cause: error,
          hint: 'see whether the service is up there',
        });
      });
      return connection;
    },
    async [Symbol.asyncDispose]() {
      shell.end();
      await transport[Symbol.asyncDispose]();
    },
  };
}
