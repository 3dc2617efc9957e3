/**
 * Works on all items, at most `jobs` at once, in order of the list. After the first failure nothing new begins, `stop` tells the
 * running ones, and once all have ended the failure is thrown.
 */
export async function forEachOf<T>(
  items: Iterable<T>,
  jobs: number,
  work: (item: T, stop: AbortSignal) => Promise<void>,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  const failed = new AbortController();
  const stop = signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]);
  const queue = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); next.done !== true && !stop.aborted; next = queue.next()) {
      try {
        await work(next.value, stop);
      } catch (error) {
        failure ??= { error };
        failed.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  if (failure !== undefined) throw failure.error;
  signal?.throwIfAborted();
}
