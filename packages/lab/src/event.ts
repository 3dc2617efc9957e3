/** What a host is being brought to, in this order. */
export type HostPhase = 'copying' | 'booting' | 'ready';

/** What `up` and `reset` tell while they work. */
export type LabEvent =
  | { readonly kind: 'base'; readonly phase: 'building' | 'ready'; readonly path: string }
  /** A line of debootstrap's output while the base system is made. */
  | { readonly kind: 'output'; readonly line: string }
  | { readonly kind: 'host'; readonly name: string; readonly phase: HostPhase };

export type OnLabEvent = (event: LabEvent) => void;
