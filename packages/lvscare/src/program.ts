import { spawn } from 'node:child_process';
import { CareError } from './error.ts';

export interface ProgramResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The kernel's tools answer in milliseconds; one that does not is stuck. */
const TIMEOUT = 10_000;

/** Runs a program to its end, whatever its exit status. Throws when it cannot be started, is stuck for 10 s, or the signal aborts. */
export function callProgram(program: string, args: readonly string[], signal: AbortSignal): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], signal, timeout: TIMEOUT, killSignal: 'SIGKILL' });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', (error) => reject(new CareError(`${program} cannot be run: ${error.message}`, 1, { cause: error })));
    child.on('close', (status, killed) => {
      if (killed !== null) reject(new CareError(`${program} ${args[0] ?? ''} was ended by ${killed}`));
      else resolve({ exitCode: status ?? 1, stdout, stderr });
    });
  });
}

/** Runs a program that must end well; returns its output. */
export async function runProgram(program: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  const { exitCode, stdout, stderr } = await callProgram(program, args, signal);
  if (exitCode === 0) return stdout;
  throw new CareError(`${program} ${args.join(' ')} failed (exit status ${exitCode}): ${stderr.trim() || stdout.trim()}`);
}
