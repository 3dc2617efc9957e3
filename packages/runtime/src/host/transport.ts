import type { Readable, Writable } from 'node:stream';

/** One command on a host, with its streams. */
export interface RemoteCommand {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The exit status; 255 when the connection went. */
  readonly exit: Promise<number>;
  readonly end: () => void;
}

/** A way to start commands on a host: an SSH connection, or this machine itself. */
export interface Transport extends AsyncDisposable {
  /** Starts a command line of POSIX shell. */
  start(commandLine: string): Promise<RemoteCommand>;
}
