// What a scenario on a real cluster gets: the cluster's hosts, and ways to work on it.

export interface ScenarioHost {
  readonly name: string;
  readonly ip: string;
}

export interface RunOptions {
  readonly env?: NodeJS.ProcessEnv;
  /** Sends SIGKILL at the first line of standard output for which this is true. */
  readonly killWhen?: (line: string) => boolean;
  /** Milliseconds from that line (without `killWhen`: from the start) to the signal. */
  readonly killDelay?: number;
  /** Milliseconds until it is killed in any case. */
  readonly timeout?: number;
  /** Every line of standard output as it comes. */
  readonly onLine?: (line: string) => void;
}

export interface Ended {
  /** Exit status; null where a signal ended it. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Scenario {
  /** `sealos ARGS`, with the cluster's state and the hosts' keys. */
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** `kubectl ARGS` as the administrator; its output. Throws where it fails. */
  kubectl(args: readonly string[]): Promise<string>;
  /** A shell line on the host of that address; its output. Throws where it fails. */
  on(ip: string, command: string): Promise<string>;
  readonly masters: readonly ScenarioHost[];
  readonly workers: readonly ScenarioHost[];
}
