/** A number of places that are taken in the order of asking. */
export interface Slots {
  /** Waits for a free place; disposing of it frees it. Rejects with the signal's reason. */
  take(signal: AbortSignal): Promise<Disposable>;
}

export function makeSlots(count: number): Slots {
  let free = count;
  const waiting: (() => void)[] = [];
  const release = () => {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  };
  const slot = { [Symbol.dispose]: release };
  return {
    async take(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free -= 1;
        return slot;
      }
      return new Promise((resolve, reject) => {
        const onAbort = () => {
          waiting.splice(waiting.indexOf(granted), 1);
          reject(signal.reason);
        };
        const granted = () => {
          signal.removeEventListener('abort', onAbort);
          resolve(slot);
        };
        waiting.push(granted);
        signal.addEventListener('abort', onAbort, { once: true });
      });
    },
  };
}
