// The state of one execution: where it is, what it has declared, what it has written.
import type { Node } from './ast.ts';
import { nodeText } from './ast.ts';
import { LimitError, TemplateError } from './error.ts';
import type { Context, FunctionMap } from './function.ts';
import type { Trees } from './parser.ts';
import { quote } from './quote.ts';
import { ANY, type Dict, type List, typeName, type Value } from './value.ts';

/** A value that still sits in an interface{}, as an element of a list or map does: Go reports its type as `interface {}`. */
export interface Boxed {
  readonly kind: 'boxed';
  readonly value: Value & {};
}

/** What expressions give: null is a nil interface{}, undefined is no value at all. */
export type Operand = Value | Boxed;

interface Variable {
  readonly name: string;
  value: Operand;
}

/** A text that templates come from, for positions in errors. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** One template text, parsed; or several in one namespace. */
export interface Program extends Source {
  readonly trees: Trees;
  /** Where templates come from that are not of this text. */
  readonly sources?: ReadonlyMap<string, Source> | undefined;
}

export interface State {
  readonly program: Program;
  readonly functions: FunctionMap;
  readonly context: Context;
  /** Takes rendered text; fails beyond the limit of output. */
  readonly write: (text: string) => void;
  readonly maxDepth: number;
  /** Name of the template being executed: the text's own or a defined one. */
  template: string;
  /** Where errors are reported: mirrors Go's marking of nodes, which is not always the innermost. */
  node: Node | undefined;
  variables: Variable[];
  depth: number;
}

/** Fails at the current node, in Go's words. */
export function fail(state: State, message: string, code = 'TEMPLATE_EXECUTE'): never {
  const { name, text } = state.program.sources?.get(state.template) ?? state.program;
  const { node } = state;
  if (node === undefined) throw new TemplateError(code, `template: ${name}: ${message}`, { file: name });
  const start = text.lastIndexOf('\n', node.position - 1) + 1;
  const column = Buffer.byteLength(text.slice(node.position === 0 ? 0 : start, node.position), 'utf8');
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < node.position; at = text.indexOf('\n', at + 1)) line++;
  const where = `${name}:${line}:${column}: executing ${quote(state.template)} at <${nodeText(node)}>`;
  throw new TemplateError(code, clipped(`template: ${where}: ${message}`), { file: name, line, column });
}

// Go repeats whole values in its messages; beyond this nobody reads on.
const MAX_MESSAGE = 8000;

function clipped(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE)}…` : message;
}

/** Turns what was thrown inside an execution into an error with a position. */
export function located(state: State, error: unknown): unknown {
  const limit = error instanceof LimitError ? error.message : isStackOverflow(error) ? 'nested too deeply' : undefined;
  if (limit === undefined) return error;
  try {
    return fail(state, limit, 'TEMPLATE_LIMIT');
  } catch (failure) {
    return failure;
  }
}

/** Whether the JavaScript engine ran out of stack or refused a string of that length. */
function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && /call stack|string length/i.test(error.message);
}

/** The value inside the interface; a nil interface gives no value. */
export function unboxed(operand: Operand): Value {
  if (operand === null) return undefined;
  return isBoxed(operand) ? operand.value : operand;
}

export function isBoxed(operand: Operand): operand is Boxed {
  return typeof operand === 'object' && operand !== null && operand.kind === 'boxed';
}

/** Wraps an element as its container's type says: elements of `[]interface {}` are still in their interface. */
export function boxed(container: List | Dict, value: Value): Operand {
  if (container.elem !== ANY) return value;
  return value === null || value === undefined ? null : { kind: 'boxed', value };
}

/** Go's name of the static type. */
export function operandType(operand: Operand): string {
  if (operand === null || isBoxed(operand)) return ANY;
  return typeName(operand);
}

/** The innermost variable of this name. */
export function variableNamed(state: State, name: string): Variable {
  for (let index = state.variables.length - 1; index >= 0; index--) {
    const variable = state.variables[index];
    if (variable?.name === name) return variable;
  }
  return fail(state, `undefined variable: ${name}`);
}
