// A pattern as a program for the matcher.
import type { CharacterSet } from './characters.ts';
import type { Assertion, Node, Pattern } from './parse.ts';
import { PatternError } from './parse.ts';

export type Instruction =
  | { readonly op: 'set'; readonly set: CharacterSet }
  | { readonly op: 'assert'; readonly assertion: Assertion }
  /** Goes on at both places; the first is preferred. */
  | { readonly op: 'split'; first: number; second: number }
  | { readonly op: 'jump'; to: number }
  | { readonly op: 'save'; readonly slot: number }
  | { readonly op: 'match' };

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly groups: Pattern['groups'];
}

const MAX_INSTRUCTIONS = 50_000;

/** Compiles a pattern. */
export function compile(pattern: Pattern): Program {
  const code: Instruction[] = [];
  const push = <T extends Instruction>(instruction: T): T => {
    if (code.length >= MAX_INSTRUCTIONS) throw new PatternError('error parsing regexp: expression too large');
    code.push(instruction);
    return instruction;
  };

  const optional = (node: Node, greedy: boolean, loop: boolean) => {
    const split = push({ op: 'split', first: 0, second: 0 });
    const at = code.length - 1;
    emit(node);
    if (loop) push({ op: 'jump', to: at });
    split.first = greedy ? at + 1 : code.length;
    split.second = greedy ? code.length : at + 1;
  };

  const repeat = ({ node, least, most, greedy }: Node & { kind: 'repeat' }) => {
    for (let count = 0; count < least; count++) emit(node);
    if (most === Number.POSITIVE_INFINITY) {
      optional(node, greedy, true);
      return;
    }
    // x{0,2} is (x(x)?)?: whoever leaves, leaves all.
    const splits: { split: Instruction & { op: 'split' }; at: number }[] = [];
    for (let count = least; count < most; count++) {
      splits.push({ split: push({ op: 'split', first: 0, second: 0 }), at: code.length - 1 });
      emit(node);
    }
    for (const { split, at } of splits) {
      split.first = greedy ? at + 1 : code.length;
      split.second = greedy ? code.length : at + 1;
    }
  };

  const choice = (nodes: readonly Node[]) => {
    const exits: (Instruction & { op: 'jump' })[] = [];
    for (const [index, node] of nodes.entries()) {
      if (index === nodes.length - 1) {
        emit(node);
        continue;
      }
      const split = push({ op: 'split', first: code.length + 1, second: 0 });
      emit(node);
      exits.push(push({ op: 'jump', to: 0 }));
      split.second = code.length;
    }
    for (const exit of exits) exit.to = code.length;
  };

  function emit(node: Node): void {
    switch (node.kind) {
      case 'empty':
        return;
      case 'set':
        push({ op: 'set', set: node.set });
        return;
      case 'assertion':
        push({ op: 'assert', assertion: node.assertion });
        return;
      case 'sequence':
        for (const inner of node.nodes) emit(inner);
        return;
      case 'choice':
        choice(node.nodes);
        return;
      case 'repeat':
        repeat(node);
        return;
      case 'group':
        push({ op: 'save', slot: node.index * 2 });
        emit(node.node);
        push({ op: 'save', slot: node.index * 2 + 1 });
    }
  }

  push({ op: 'save', slot: 0 });
  emit(pattern.node);
  push({ op: 'save', slot: 1 });
  push({ op: 'match' });
  return { instructions: code, groups: pattern.groups };
}
