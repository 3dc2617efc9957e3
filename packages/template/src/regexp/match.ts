// Matching in linear time: all threads of the program walk over the text together (Thompson and Pike: https://swtch.com/~rsc/regexp/regexp2.html),
// so that no pattern can hang a rendering. The first alternative wins, as in Perl.
import type { Budget } from '../value.ts';
import { matches } from './characters.ts';
import type { Assertion } from './parse.ts';
import type { Program } from './program.ts';

/** Where the groups begin and end, two places a group; -1 for a group that took no part. */
export type Match = readonly number[];

interface Thread {
  readonly at: number;
  readonly slots: Match;
}

function isWord(code: number | undefined): boolean {
  return code !== undefined && code < 128 && /\w/.test(String.fromCharCode(code));
}

function holds(assertion: Assertion, text: readonly number[], position: number): boolean {
  switch (assertion) {
    case 'textStart':
      return position === 0;
    case 'textEnd':
      return position === text.length;
    case 'lineStart':
      return position === 0 || text[position - 1] === 10;
    case 'lineEnd':
      return position === text.length || text[position] === 10;
    default:
      return (isWord(text[position - 1]) !== isWord(text[position])) === (assertion === 'wordBoundary');
  }
}

// Follows everything that consumes no character, in order of preference; `visited` holds the position at which an instruction was last seen.
function follow(program: Program, start: Thread, text: readonly number[], position: number, visited: Int32Array, into: Thread[]): void {
  const pending: Thread[] = [start];
  for (let thread = pending.pop(); thread !== undefined; thread = pending.pop()) {
    const { at, slots } = thread;
    const instruction = program.instructions[at];
    if (instruction === undefined || visited[at] === position) continue;
    visited[at] = position;
    if (instruction.op === 'jump') pending.push({ at: instruction.to, slots });
    else if (instruction.op === 'split') pending.push({ at: instruction.second, slots }, { at: instruction.first, slots });
    else if (instruction.op === 'save') pending.push({ at: at + 1, slots: slots.with(instruction.slot, position) });
    else if (instruction.op !== 'assert') into.push(thread);
    else if (holds(instruction.assertion, text, position)) pending.push({ at: at + 1, slots });
  }
}

/** The leftmost match at or after this position in a text of code points. */
export function findMatch(program: Program, text: readonly number[], from: number, budget: Budget): Match | undefined {
  const none: Match = new Array<number>(program.groups.length * 2).fill(-1);
  const visited = new Int32Array(program.instructions.length).fill(-1);
  let current: Thread[] = [];
  let best: Match | undefined;
  for (let position = from; position <= text.length; position++) {
    if (best === undefined) follow(program, { at: 0, slots: none }, text, position, visited, current);
    if (current.length === 0) {
      if (best !== undefined) break;
      continue;
    }
    budget.work(current.length / 8);
    const next: Thread[] = [];
    const code = text[position];
    for (const { at, slots } of current) {
      const instruction = program.instructions[at];
      if (instruction?.op === 'match') {
        best = slots;
        break;
      }
      if (instruction?.op === 'set' && code !== undefined && matches(instruction.set, code)) {
        follow(program, { at: at + 1, slots }, text, position + 1, visited, next);
      }
    }
    current = next;
  }
  return best;
}
