import type { Duplex } from 'node:stream';

/** Waits for a connection no longer than the signal and the time allow; one that comes later is closed. */
export async function dialWithin(dialing: Promise<Duplex>, milliseconds: number, signal: AbortSignal | undefined): Promise<Duplex> {
  const timeout = AbortSignal.timeout(milliseconds);
  const stop = signal ? AbortSignal.any([signal, timeout]) : timeout;
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(timeout.aborted ? new Error(`no answer within ${milliseconds / 1000} s`) : stop.reason);
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
