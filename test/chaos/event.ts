// What the operator says of its progress with `--log-format json`, as events that two tellings of a story have in common.

interface Line {
  readonly kind?: string;
  readonly step?: string;
  readonly host?: string;
}

/** What the story begins with, before the operator has said anything. */
export const BEGUN = 'begun';

const TOLD = new Set(['step-started', 'step-done', 'output', 'finished']);

/** An event is named by its kind, its step and the host; of a step's output each line by its number: `output kubeadm-init h1 #3`. */
export function eventReader(names: ReadonlyMap<string, string>): (line: string) => string | undefined {
  const outputs = new Map<string, number>();
  return (line) => {
    if (!line.startsWith('{')) return undefined;
    const { kind, step, host }: Line = JSON.parse(line);
    if (kind === undefined || !TOLD.has(kind)) return undefined;
    let event = [kind, step, host].filter((word) => word !== undefined).join(' ');
    for (const [ip, name] of names)
      event = event
        .split(' ')
        .map((word) => (word === ip ? name : word))
        .join(' ');
    if (kind !== 'output') return event;
    const number = (outputs.get(event) ?? 0) + 1;
    outputs.set(event, number);
    return `${event} #${number}`;
  };
}
