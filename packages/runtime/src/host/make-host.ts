import type { Duplex } from 'node:stream';
import { HostError } from '../error.ts';
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

const DIAL_TIMEOUT = 10_000;

/** Waits no longer than the signal and the time allow; a connection that comes later is closed. */
async function withSignal(dialing: Promise<Duplex>, signal: AbortSignal | undefined): Promise<Duplex> {
  const timeout = AbortSignal.timeout(DIAL_TIMEOUT);
  const stop = signal ? AbortSignal.any([signal, timeout]) : timeout;
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(timeout.aborted ? new Error(`no answer within ${DIAL_TIMEOUT / 1000} s`) : stop.reason);
  stop.addEventListener('abort', onAbort, { once: true });
  try {
    stop.throwIfAborted();
    return await Promise.race([dialing, stopped]);
  } catch (error) {
    void dialing.then(
      (late) => late.destroy(),
      () => {},
    );
    throw error;
  } finally {
    stop.removeEventListener('abort', onAbort);
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
  let programs: Promise<ReadonlySet<string>> | undefined;
  const askPrograms = async () => {
    const asked = script`for program in gzip zstd; do if command -v "$program" >/dev/null; then echo "$program"; fi; done`;
    const { stdout } = await run(asked, { title: 'looking for decompressors' });
    return new Set(stdout.split('\n'));
  };
  const hands: Pick<Host, 'run' | 'unpack'> = {
    run,
    async unpack(body, into, unpackOptions) {
      const hasProgram = async (name: string) => {
        programs ??= askPrograms();
        return (await programs).has(name);
      };
      await unpack({ transport, identity, hasProgram }, body, into, unpackOptions);
    },
  };
  return {
    ...hands,
    address: options.address,
    name: identity.name,
    writeFiles: (files, writeOptions) => writeFiles(hands, files, writeOptions),
    async readFile(path, { signal } = {}) {
      const { stdout } = await run(script`if [ -f ${path} ]; then echo yes; base64 -w0 < ${path}; fi`, {
        title: `reading ${path}`,
        signal,
      });
      const [there, content] = stdout.split('\n');
      return there === 'yes' ? Buffer.from(content ?? '', 'base64') : undefined;
    },
    async dial(ip, port, { title, signal }) {
      const connection = await withSignal(transport.dial(ip, port), signal).catch((error: unknown) => {
        signal?.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        throw new HostError('not-listening', `no connection from there to ${ip}:${port}: ${why}`, {
          host: identity.name,
          title,
          cause: error,
          hint: `see whether the service is up there, and whether sshd allows forwarding (AllowTcpForwarding)`,
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
