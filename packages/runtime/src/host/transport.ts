import type { Duplex, Readable, Writable } from 'node:stream';

/** One command on a host, with its streams. */
export interface RemoteCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit status; 128 and more where a signal ended it; undefined when the connection went before it was told. */
  readonly exit: Promise<number | undefined>;
  /** Closes the command's streams: whatever reads its input comes to the end of it. */
  readonly end: () => void;
}

/** A way to start commands on a host: an SSH connection, or this machine itself. */
export interface Transport extends AsyncDisposable {
  /** Starts a command line of the user's login shell. Rejects when the connection is gone. */
  start(commandLine: string): Promise<RemoteCommand>;
  /** A TCP connection from the host to an address and port as it sees them. Rejects when nothing accepts it there. */
  dial(ip: string, port: number): Promise<Duplex>;
  /** Why the connection ended, where that is known and more than that it was closed: "nothing was heard from it for 60 s". */
  lostBecause(): string | undefined;
  /** Gives the connection up at once, for a host that no longer answers; why, in words. */
  destroy(because: string): void;
}
