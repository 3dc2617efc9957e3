/** What happens during a run. The terminal, plain text, JSON, the journal and the report are all made from these. */
export type RunEvent = { readonly at: string } & RunEventBody;

export type RunEventBody =
  | { readonly kind: 'plan'; readonly steps: readonly { readonly id: string; readonly title: string; readonly hosts: readonly string[] }[] }
  | { readonly kind: 'step-started'; readonly step: string; readonly host: string; readonly bytes?: number }
  | { readonly kind: 'step-done'; readonly step: string; readonly host: string; readonly milliseconds: number }
  | { readonly kind: 'step-skipped'; readonly step: string; readonly host: string }
  | { readonly kind: 'step-todo'; readonly step: string; readonly host: string; readonly what: string; readonly bytes?: number }
  | { readonly kind: 'step-failed'; readonly step: string; readonly host: string; readonly message: string; readonly milliseconds: number }
  | { readonly kind: 'bytes'; readonly step: string; readonly host: string; readonly sent: number }
  | { readonly kind: 'output'; readonly step: string; readonly host: string; readonly line: string }
  | { readonly kind: 'warning'; readonly message: string; readonly host?: string }
  | { readonly kind: 'finished'; readonly changed: number; readonly skipped: number; readonly milliseconds: number };

export type OnRunEvent = (event: RunEvent) => void;
