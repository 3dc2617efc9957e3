export type { HostState, LabHost } from './context.ts';
export { LabError } from './error.ts';
export type { HostPhase, LabEvent, OnLabEvent } from './event.ts';
export { type Lab, type LabOptions, openLab, type SshOptions, type UpOptions } from './lab.ts';
export { checkMachine } from './machine-check.ts';
