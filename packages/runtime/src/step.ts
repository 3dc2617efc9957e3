import type { Address, Host } from './host/host.ts';

/** What a step still has to do on a host. */
export interface Todo {
  /** "unpack 3 layers", as a dry run shows it. */
  readonly what: string;
  readonly bytes?: number | undefined;
}

export interface StepContext {
  readonly signal: AbortSignal;
  /** A line of output of the command at work. */
  readonly onLine: (line: string) => void;
  /** Bytes sent so far in this step to this host. */
  readonly onBytes: (sent: number) => void;
}

/** One piece of work, done on each of its hosts; the same step can be checked, applied again and undone. */
export interface Step {
  readonly id: string;
  readonly title: string;
  readonly hosts: readonly Address[];
  /** Ids of the steps that must be done on all of their hosts before this one starts on any. */
  readonly needs: readonly string[];
  /** At a time on one host only (joining control planes); by default on all hosts in parallel. */
  readonly serial?: boolean;
  /** Reads the host, changes nothing. */
  check(host: Host, context: StepContext): Promise<'done' | Todo>;
  apply(host: Host, context: StepContext): Promise<void>;
  undo?(host: Host, context: StepContext): Promise<void>;
}

export interface Plan {
  readonly steps: readonly Step[];
}
