import type { Duplex } from 'node:stream';

/** How often a connection is looked at, in milliseconds. */
const LOOK = 10_000;
/** After how many looks without a byte a server is taken for gone. */
const LOOKS = 6;

/** Seconds of silence after which a connection is given up. */
export const SILENCE = (LOOK * LOOKS) / 1000;

/** How often the server is asked whether it is there (keepalive@openssh.com, which sshd itself answers and not its kernel), in milliseconds. */
export const KEEPALIVE = LOOK;

/**
 * Calls `onSilent` once when nothing at all came over a connection for a minute, though the server was asked every ten seconds: a cable
 * that was pulled, a power loss, a host that is stopped as a whole. Any byte counts, so that a slow line full of data is not mistaken for
 * a dead one; and looks are counted, not a clock read, so that a pause of this process itself is nobody's silence. Returns what ends the watch.
 */
export function watchSilence(connection: Duplex, onSilent: () => void): () => void {
  let looks = 0;
  const onData = () => {
    looks = 0;
  };
  const timer = setInterval(() => {
    looks += 1;
    if (looks < LOOKS) return;
    stop();
    onSilent();
  }, LOOK);
  const stop = () => {
    clearInterval(timer);
    connection.off('data', onData);
  };
  connection.on('data', onData);
  connection.once('close', stop);
  return stop;
}
